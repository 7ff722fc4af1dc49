/* What happened, as one number and as text. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>

/* Eight bytes of a message that depend on all of it: of its last signature. */
static uint64_t essence(const struct sim_packet *p)
{
    uint64_t word = p->bytes.size;

    if (p->bytes.size >= SIGNATURE_BYTES)
        memcpy(
            &word, p->bytes.at + p->bytes.size - SIGNATURE_BYTES, sizeof word);
    return word ^ p->bytes.size << 56 ^ (uint64_t)p->type << 48;
}

/* Every event counts: when, what, who, and what was said. */
void sim_digest(struct sim *s, const struct sim_ev *ev)
{
    uint64_t h = s->digest ^ ev->at ^ (uint64_t)ev->kind << 56 ^
                 (uint64_t)ev->node << 48 ^ (uint64_t)ev->from << 40 ^
                 ev->arg << 20;

    if (ev->packet != NULL)
        h ^= essence(ev->packet);
    h *= 0x9e3779b97f4a7c15u;
    s->digest = h ^ h >> 32;
}

void sim_tell(const struct sim *s, const char *format, ...)
{
    va_list args;

    printf("%10.3f ms  ", (double)s->now / 1000);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {"?", "NOTARIZE", "NULLIFY", "FINALIZE"};

    return names[kind < ARRAY_LEN(names) ? kind : 0];
}

/* A candidate in few characters. */
static void describe(const struct sim *s,
                     char out[80],
                     const struct candidate *c)
{
    if (c->height == 0 && c->parent_view == 0 && hash_is_zero(&c->block))
        snprintf(out, 80, "v%llu", (unsigned long long)c->view);
    else
        snprintf(out,
                 80,
                 "v%llu<v%llu h%llu block %u",
                 (unsigned long long)c->view,
                 (unsigned long long)c->parent_view,
                 (unsigned long long)c->height,
                 sim_block_find(s, &c->block));
}

static const char *effect_name(enum core_effect_kind kind)
{
    switch (kind) {
    case DO_PERSIST_VOTE:
        return "writes";
    case DO_PERSIST_CERT:
        return "has";
    case DO_SEND_PROPOSAL:
        return "proposes";
    case DO_COMMIT:
        return "commits";
    case DO_SYNC:
        return "asks for blocks to";
    case DO_EPOCH_END:
        return "ends the epoch with";
    case DO_EVIDENCE:
        return "has evidence of";
    case DO_HALT:
        return "HALTS:";
    case DO_OBSERVE:
        return "OBSERVES:";
    case DO_PERSIST_BODY:
    case DO_SEND_VOTE:
    case DO_SEND_CERT:
    case DO_SEND_STATUS:
    case DO_SEND_EPOCH_END:
    case DO_BUILD:
    case DO_EXECUTE:
    case DO_FETCH:
        break;
    }
    return NULL; /* it goes without saying */
}

void sim_tell_effect(const struct sim *s,
                     uint32_t i,
                     const struct core_effect *e)
{
    const char *name = effect_name(e->kind);
    char text[80];

    if (name == NULL)
        return;
    if (e->text != NULL) {
        sim_tell(s, "node %u %s %s", i, name, e->text);
    } else if (e->kind == DO_PERSIST_CERT || e->kind == DO_EPOCH_END) {
        describe(s, text, &e->cert->about);
        sim_tell(s,
                 "node %u %s a certificate: %s %s by %x",
                 i,
                 name,
                 kind_name(e->cert->kind),
                 text,
                 e->cert->bitmap);
    } else if (e->kind == DO_PERSIST_VOTE || e->kind == DO_EVIDENCE) {
        describe(s, text, &e->vote.about);
        sim_tell(s, "node %u %s %s %s", i, name, kind_name(e->vote.kind), text);
    } else {
        describe(s, text, &e->candidate);
        sim_tell(s, "node %u %s %s", i, name, text);
    }
}

/* What an attacker sends; to: a node, CORE_ALL, or a bitmap of nodes. */
void sim_tell_vote(const struct sim *s,
                   uint32_t i,
                   const struct vote *v,
                   uint32_t to)
{
    char text[80];

    describe(s, text, &v->about);
    sim_tell(s,
             "node %u, faulty, sends %s %s epoch %llu to %x",
             i,
             kind_name(v->kind),
             text,
             (unsigned long long)v->epoch,
             to);
}

/* What each node thinks, for whoever looks into a violation. */
void sim_tell_nodes(const struct sim *s)
{
    for (uint32_t i = 0; i < s->instances; i++) {
        const struct sim_node *node = &s->nodes[i];
        const struct core *c = node->room.core;
        const struct core_cert_slot *slot =
            &c->certs[c->view % CORE_CERT_SLOTS];
        const bool here = slot->view == c->view;

        printf("  node %u (key %u, epoch %llu, %d of %u):%s%s%s byz=%llx "
               "view=%llu F=%llu "
               "height=%llu/%llu may_vote=%d busy=%d work=%d leader=%u "
               "prop=%d mine=%d%d%d observer=%d started=%d\n",
               i,
               node->id,
               (unsigned long long)c->config.epoch,
               c->config.me,
               c->config.n,
               node->up ? " up" : " down",
               node->correct ? "" : " faulty",
               node->twin ? " twin" : "",
               (unsigned long long)(node->byz >> BYZ_FIRST),
               (unsigned long long)c->view,
               (unsigned long long)c->fin.view,
               (unsigned long long)node->height,
               (unsigned long long)c->fin.height,
               core_may_vote(c),
               core_is_busy(c),
               c->work,
               core_leader(c, c->view),
               here && slot->has_prop,
               here ? (int)slot->mine[VOTE_NOTARIZE].state : 0,
               here ? (int)slot->mine[VOTE_NULLIFY].state : 0,
               here ? (int)slot->mine[VOTE_FINALIZE].state : 0,
               c->observer,
               node->started);
    }
}
