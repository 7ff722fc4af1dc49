/* sim_script.h - runs of which every view is laid down: who leads it and who
 * hears whom in it, with a second copy of validator 0 (Twins: Bano et al.,
 * "Twins: BFT Systems Made Robust", OPODIS 2021).
 *
 * A message about a view passes between two instances if they are on the same
 * side in that view; a side lasts for a while after the first instance has
 * entered the view, then what is sent again gets through.  After the last view
 * of the script all is as usual, and the oracles must hold.
 *
 * Four validators, five instances: A and A' (validator 0), B, C, D.  All
 * scripts of a family are counted through, one for each class of those that
 * differ only by the names of B, C, D or of A and A'. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

enum {
    SCRIPT_VIEWS_MAX = 12,
    SCRIPT_INSTANCES = 5,
    SCRIPT_LETTERS_MAX = 64, /* leaders times ways to divide five in two */
    SCRIPT_SYMMETRIES = 12,
};

struct sim_script {
    uint32_t views;
    uint8_t leader[SCRIPT_VIEWS_MAX + 1];
    uint8_t side[SCRIPT_VIEWS_MAX + 1]; /* bitmap of instances; 0: no sides */
    uint64_t entered_at[SCRIPT_VIEWS_MAX + 1]; /* us; 0 = not yet */
};

/* What is put together to scripts: in each view one letter, a leader and two
 * sides. */
struct sim_family {
    uint32_t views;
    uint32_t letter_count;
    uint8_t leader[SCRIPT_LETTERS_MAX];
    uint8_t side[SCRIPT_LETTERS_MAX];
    uint32_t symmetries; /* bitmap */
    /* where each sends each letter */
    uint8_t image[SCRIPT_SYMMETRIES][SCRIPT_LETTERS_MAX];
    /* scripts that differ in more than names, by what leaves the begin of the
     * script alone and by the views left; UINT64_MAX = not known yet */
    uint64_t counts[SCRIPT_VIEWS_MAX + 1][1 << SCRIPT_SYMMETRIES];
};

/* leaders: "all", "two" (validators 0 and 1) or "twin" (validator 0); sides:
 * "all" or "split" (A and A' apart, or no sides at all). */
bool sim_family_make(struct sim_family *f,
                     uint32_t views,
                     const char *leaders,
                     const char *sides);
/* How many scripts there are: with symmetric ones, and without. */
uint64_t sim_family_all(const struct sim_family *f);
uint64_t sim_family_size(struct sim_family *f);
void sim_family_get(struct sim_family *f, struct sim_script *out, uint64_t i);

/* sim_script_run runs script number `seed` of the family that the simulator was
 * given (s->family). */
bool sim_script_run(struct sim *s, uint64_t seed);
bool sim_script_lets(const struct sim *s,
                     uint32_t from,
                     uint32_t to,
                     uint64_t view);
void sim_script_entered(struct sim *s, uint64_t view);
/* The leaders of the script under way, for valset_leader; NULL: as usual. */
extern const struct sim_script *sim_script_now;

#endif /* SIM_SCRIPT_H */
