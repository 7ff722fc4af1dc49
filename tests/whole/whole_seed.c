/* A seed: which faults it has, when they happen, and what is asked of the nodes
 * when they are over. */
#include "tests/whole/whole.h"

#include "base/check.h"

enum {
    EVENTS_MAX = 16,
    TXS_CHAOS = 40,
    TXS_HEAL = 5,
    PROGRESS_US = 2 * WHOLE_CAP_MS * 1000,
    ALL_US = 4 * WHOLE_CAP_MS * 1000,
};

/* Something that ends by itself. */
struct spell {
    enum whole_fault fault;
    int a, b;
    uint32_t side; /* bitmap: nodes on one side of a partition */
};

static struct whole_node *any(void)
{
    return &whole.node[whole_draw(&whole.fault, 0, whole.nodes - 1)];
}

static struct whole_node *any_running(void)
{
    struct whole_node *w = any();

    return node_is_dead(w) ? NULL : w;
}

static void count(enum whole_fault f)
{
    whole.total.faults[f]++;
    whole_tell("fault: %s", whole_fault_names[f]);
}

/* ---- the ends of nodes ---- */

static void crash(enum whole_fault f)
{
    static const enum node_end_kind how[] = {[FAULT_KILL] = END_KILL,
                                             [FAULT_POWER] = END_POWER,
                                             [FAULT_STOP] = END_STOP};
    struct whole_node *w = any_running();

    if (w == NULL)
        return;
    count(f);
    node_down(w, how[f]);
    node_up_later(w, whole_draw(&whole.fault, 50000, 4000000));
}

static void crash_all(void)
{
    count(FAULT_ALL);
    for (uint32_t i = 0; i < whole.nodes; i++) {
        node_down(&whole.node[i], END_POWER);
        node_up_later(&whole.node[i],
                      whole_draw(&whole.fault, 100000, 3000000));
    }
}

/* At one of the next calls on files; counted when it happens. */
static void plan_fault(enum whole_fault f)
{
    struct whole_node *w = any_running();

    if (w == NULL || w->planned)
        return;
    node_plan(w, f, whole_draw(&whole.fault, 1, 60));
}

/* ---- what lasts a while ---- */

static void cut_sides(uint32_t side, bool cut)
{
    for (uint32_t a = 0; a < whole.nodes; a++) {
        for (uint32_t b = 0; b < whole.nodes; b++) {
            if ((side >> a & 1) != (side >> b & 1))
                net_cut((int)a, (int)b, cut);
        }
    }
}

static void set(const struct spell *s, bool on)
{
    struct whole_node *w = &whole.node[s->a];

    switch ((int)s->fault) {
    case FAULT_PARTITION:
        cut_sides(s->side, on);
        break;
    case FAULT_ONE_WAY:
        net_cut(s->a, s->b, on);
        break;
    case FAULT_SLOW_LINK:
        net_slow(s->a, s->b, on ? 20000u * (1 + s->side % 40) : 0);
        net_slow(s->b, s->a, on ? 20000u * (1 + s->side % 40) : 0);
        break;
    case FAULT_SLOW_DISK:
        w->sync_us = on ? 10000u * (1 + s->side % 30) : 500;
        break;
    case FAULT_CLOCK:
        w->wall_ms = on ? (int64_t)(s->side % 60000) - 30000 : 0;
        break;
    default:
        break;
    }
}

static void on_over(void *arg)
{
    set(arg, false);
    free(arg);
}

static void begin_spell(enum whole_fault f)
{
    struct spell *s = calloc(1, sizeof *s);
    struct item *i;

    ASSERT(s != NULL);
    s->fault = f;
    s->a = any()->index;
    s->b = (s->a + 1 + (int)whole_draw(&whole.fault, 0, whole.nodes - 2)) %
           (int)whole.nodes;
    s->side = (uint32_t)whole_draw(&whole.fault, 1, 1000000);
    count(f);
    set(s, true);
    i = item_at(
        whole.us + whole_draw(&whole.fault, 200000, 12000000), -1, on_over, s);
    i->drop = free;
}

static void on_fault(void *arg)
{
    const enum whole_fault f =
        (enum whole_fault)whole_draw(&whole.fault, 0, WHOLE_FAULTS - 1);
    struct whole_node *w;

    (void)arg;
    if (whole.quiet || (whole.kinds >> f & 1) == 0)
        return;
    switch (f) {
    case FAULT_KILL:
    case FAULT_POWER:
    case FAULT_STOP:
        crash(f);
        break;
    case FAULT_ALL:
        crash_all();
        break;
    case FAULT_AT_CALL:
    case FAULT_EIO:
    case FAULT_ENOSPC:
    case FAULT_SHORT:
        plan_fault(f);
        break;
    case FAULT_BREAK:
        w = any();
        if (whole.nodes > 1) {
            count(f);
            net_break(w->index,
                      (w->index + 1) % (int)whole.nodes,
                      (uint8_t)whole_draw(&whole.fault, 0, 1));
        }
        break;
    case FAULT_PAUSE:
        w = any();
        count(f);
        w->stands_until_us =
            whole.us + whole_draw(&whole.fault, 300000, 6000000);
        break;
    case FAULT_PARTITION:
    case FAULT_ONE_WAY:
    case FAULT_SLOW_LINK:
    case FAULT_SLOW_DISK:
    case FAULT_CLOCK:
        if (whole.nodes > 1)
            begin_spell(f);
        break;
    case FAULT_BYZ:
    case WHOLE_FAULTS:
        break;
    }
}

/* One node stops and starts once more; the fault is at one call of that start
 * or of what follows. */
static void on_sweep(void *arg)
{
    struct whole_node *w = &whole.node[0];

    (void)arg;
    node_down(w, END_STOP);
    node_up(w);
}

static void plan(uint64_t chaos_us)
{
    const uint32_t events =
        (uint32_t)whole_draw(&whole.fault, 0, 3) == 0
            ? 0
            : (uint32_t)whole_draw(&whole.fault, 4, 4 * EVENTS_MAX);

    whole.kinds = (uint32_t)dice_u64(&whole.fault) & ~whole.off;
    if (whole.nodes >= 4 && (whole.kinds >> FAULT_BYZ & 1) != 0)
        whole.byz = any()->index;
    for (uint32_t i = 0; i < events; i++)
        (void)item_at(whole.us + whole_draw(&whole.fault, 0, chaos_us),
                      -1,
                      on_fault,
                      NULL);
}

/* ---- healing ---- */

static void heal(void)
{
    whole.quiet = true;
    whole_tell("everything heals");
    for (uint32_t a = 0; a < whole.nodes; a++) {
        struct whole_node *w = &whole.node[a];

        for (uint32_t b = 0; b < whole.nodes; b++) {
            net_cut((int)a, (int)b, false);
            net_slow((int)a, (int)b, 0);
        }
        w->sync_us = whole_draw(&whole.fault, 50, 3000);
        w->wall_ms = 0;
        w->stands_until_us = 0;
        if (w->planned && w->disk != NULL && !disk_fault_happened(w->disk))
            disk_plan_fault(w->disk, 0, DISK_EIO);
    }
    for (uint32_t a = 0; a < whole.nodes; a++) {
        if (!whole.node[a].running)
            node_up(&whole.node[a]);
    }
}

static bool all_run(void)
{
    for (uint32_t i = 0; i < whole.nodes; i++) {
        if (!whole.node[i].running)
            return false;
    }
    return true;
}

static bool all_final(void)
{
    if (whole.tx_given < whole.tx_count || whole.tx_final < whole.tx_count)
        return false;
    for (uint32_t i = 0; i < whole.nodes; i++) {
        const struct whole_node *w = &whole.node[i];

        if ((int)i != whole.byz &&
            (!w->running || w->node->indexed_height < whole.final_height))
            return false;
    }
    return true;
}

/* A disk that failed before everything healed may still end its node. */
static void recover(void)
{
    const uint64_t until = whole.us + 5000000;

    while (!whole.failed && !all_run() && whole_step(until))
        ;
}

static void check_progress(void)
{
    const uint64_t from = whole.us;
    const uint64_t height = whole.final_height;
    uint64_t first_us = 0;

    load_begin(TXS_HEAL, 200000);
    load_hurry();
    while (!whole.failed && !all_final() && whole_step(from + ALL_US)) {
        if (first_us == 0 && whole.final_height > height)
            first_us = whole.us;
        if (first_us == 0 && whole.us > from + PROGRESS_US)
            break;
    }
    if (whole.failed)
        return;
    if (first_us == 0) {
        whole_fail("W8 no block within %u s of healing", PROGRESS_US / 1000000);
        return;
    }
    if (!all_final()) {
        load_tell();
        whole_fail("W8 %u of %u transactions are final %u s after healing",
                   whole.tx_final,
                   whole.tx_count,
                   ALL_US / 1000000);
        return;
    }
    if ((first_us - from) / 1000 > whole.total.heal_ms_max)
        whole.total.heal_ms_max = (first_us - from) / 1000;
    if ((whole.us - from) / 1000 > whole.total.all_ms_max)
        whole.total.all_ms_max = (whole.us - from) / 1000;
}

static uint64_t views(void)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < whole.nodes; i++) {
        const struct whole_node *w = &whole.node[i];

        if (w->running && (int)i != whole.byz && w->node->core->view > most)
            most = w->node->core->view;
    }
    return most;
}

bool whole_seed(const struct whole_base *b, uint64_t seed)
{
    uint64_t chaos_us;
    uint64_t before;
    uint64_t height;

    whole_begin(b, seed);
    before = views();
    height = whole.final_height;
    chaos_us = whole_draw(&whole.fault, 2000000, 14000000);
    if (whole.call != 0) {
        chaos_us = 1500000;
        (void)item_at(whole.us + 100000, -1, on_sweep, NULL);
    } else {
        plan(chaos_us);
    }
    byz_begin();
    load_begin(TXS_CHAOS, chaos_us);
    whole_run(whole.us + chaos_us);
    if (!whole.failed)
        heal();
    recover();
    if (!whole.failed)
        check_progress();
    whole.total.views += views() - before;
    if (!whole.failed)
        check_end();
    whole.total.seeds++;
    whole.total.sim_ms += whole.us / 1000;
    whole.total.blocks += whole.final_height - height;
    whole.total.txs += whole.tx_final;
    whole_end();
    return !whole.failed;
}
