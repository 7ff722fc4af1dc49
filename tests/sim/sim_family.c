/* Counting scripts: one of each class of symmetric ones, found by its number.
 *
 * A script is canonical if no symmetry makes it smaller, letter by letter.  Of
 * the symmetries that leave the begin of a script alone, none may make its next
 * letter smaller; those that leave that one alone too matter for the rest.  So
 * the number of ways to go on depends on them and on the views left. */
#include "base/check.h"
#include "tests/sim/sim_script.h"

#include <string.h>

static const uint8_t orders[SCRIPT_SYMMETRIES][SCRIPT_INSTANCES] = {
    {0, 1, 2, 3, 4},
    {0, 1, 3, 2, 4},
    {0, 2, 1, 3, 4},
    {0, 2, 3, 1, 4},
    {0, 3, 1, 2, 4},
    {0, 3, 2, 1, 4},
    {4, 1, 2, 3, 0},
    {4, 1, 3, 2, 0},
    {4, 2, 1, 3, 0},
    {4, 2, 3, 1, 0},
    {4, 3, 1, 2, 0},
    {4, 3, 2, 1, 0},
};

/* A side and the rest are the same division: B's side is named. */
static uint8_t normal(uint32_t side)
{
    const uint32_t all = (1u << SCRIPT_INSTANCES) - 1;

    side = (side & 2) != 0 ? side : all & ~side;
    return (uint8_t)(side == all ? 0 : side);
}

static uint8_t move_side(const uint8_t *order, uint8_t side)
{
    uint32_t moved = 0;

    if (side == 0)
        return 0;
    for (uint32_t i = 0; i < SCRIPT_INSTANCES; i++) {
        if ((side >> i & 1) != 0)
            moved |= 1u << order[i];
    }
    return normal(moved);
}

/* letter_count if there is none. */
static uint8_t letter_of(const struct sim_family *f,
                         uint8_t leader,
                         uint8_t side)
{
    uint32_t k = 0;

    while (k < f->letter_count &&
           (f->leader[k] != leader || f->side[k] != side))
        k++;
    return (uint8_t)k;
}

/* 0: no such words. */
static uint8_t leader_count(const char *leaders)
{
    return strcmp(leaders, "all") == 0    ? 4
           : strcmp(leaders, "two") == 0  ? 2
           : strcmp(leaders, "twin") == 0 ? 1
                                          : 0;
}

/* Where symmetry g sends the letters; one that sends a letter out of the family
 * is none. */
static void add_symmetry(struct sim_family *f, uint32_t g)
{
    f->symmetries |= 1u << g;
    for (uint32_t k = 0; k < f->letter_count; k++) {
        const uint8_t leader = f->leader[k] == 0 ? 0 : orders[g][f->leader[k]];

        f->image[g][k] = letter_of(f, leader, move_side(orders[g], f->side[k]));
        if (f->image[g][k] == f->letter_count)
            f->symmetries &= ~(1u << g);
    }
}

static bool takes_side(const char *sides, uint8_t side)
{
    return strcmp(sides, "all") == 0 || side == 0 ||
           (side & 1) != (side >> 4 & 1);
}

bool sim_family_make(struct sim_family *f,
                     uint32_t views,
                     const char *leaders,
                     const char *sides)
{
    const uint8_t count_of_leaders = leader_count(leaders);

    if (views == 0 || views > SCRIPT_VIEWS_MAX || count_of_leaders == 0 ||
        (strcmp(sides, "all") != 0 && strcmp(sides, "split") != 0))
        return false;
    memset(f, 0, sizeof *f);
    memset(f->counts, 0xff, sizeof f->counts);
    f->views = views;
    for (uint8_t leader = 0; leader < count_of_leaders; leader++) {
        for (uint8_t side = 0; side < 1 << SCRIPT_INSTANCES; side++) {
            if ((side != 0 && normal(side) != side) || !takes_side(sides, side))
                continue;
            ASSERT(f->letter_count < SCRIPT_LETTERS_MAX);
            f->leader[f->letter_count] = leader;
            f->side[f->letter_count++] = side;
        }
    }
    for (uint32_t g = 0; g < SCRIPT_SYMMETRIES; g++)
        add_symmetry(f, g);
    return true;
}

uint64_t sim_family_all(const struct sim_family *f)
{
    uint64_t all = 1;

    for (uint32_t v = 0; v < f->views; v++)
        all *= f->letter_count;
    return all;
}

/* Of the symmetries in keep, those that leave the letter alone; false: one
 * makes it smaller. */
static bool narrow(const struct sim_family *f, uint32_t *keep, uint32_t letter)
{
    uint32_t narrower = 0;

    for (uint32_t g = 0; g < SCRIPT_SYMMETRIES; g++) {
        if ((*keep >> g & 1) == 0)
            continue;
        if (f->image[g][letter] < letter)
            return false;
        if (f->image[g][letter] == letter)
            narrower |= 1u << g;
    }
    *keep = narrower;
    return true;
}

static uint64_t count(struct sim_family *f, uint32_t left, uint32_t keep)
{
    uint64_t *known = &f->counts[left][keep];
    uint64_t sum = 0;

    if (left == 0)
        return 1;
    if (*known != UINT64_MAX)
        return *known;
    for (uint32_t k = 0; k < f->letter_count; k++) {
        uint32_t narrower = keep;

        if (narrow(f, &narrower, k))
            sum += count(f, left - 1, narrower);
    }
    *known = sum;
    return sum;
}

uint64_t sim_family_size(struct sim_family *f)
{
    return count(f, f->views, f->symmetries);
}

void sim_family_get(struct sim_family *f, struct sim_script *out, uint64_t i)
{
    uint32_t keep = f->symmetries;

    ASSERT(i < sim_family_size(f));
    memset(out, 0, sizeof *out);
    out->views = f->views;
    for (uint32_t v = 1; v <= f->views; v++) {
        for (uint32_t k = 0; k < f->letter_count; k++) {
            uint32_t narrower = keep;
            uint64_t here;

            if (!narrow(f, &narrower, k))
                continue;
            here = count(f, f->views - v, narrower);
            if (i < here) {
                out->leader[v] = f->leader[k];
                out->side[v] = f->side[k];
                keep = narrower;
                break;
            }
            i -= here;
        }
    }
}
