/* story.h - one story on the rig, and a receipt of every kind about it. */
#ifndef TESTS_RECEIPTS_STORY_H
#define TESTS_RECEIPTS_STORY_H

#include "tests/receipts/rig.h"

enum {
    STORY_RECEIPTS_MAX = 32,
};

struct story_receipt {
    const char *name;
    const char *about; /* what it shows, for people */
    struct receipt *receipt;
};

struct story {
    struct rig *g;
    struct trust trust;
    uint32_t count;
    struct story_receipt list[STORY_RECEIPTS_MAX];
    /* heights */
    uint64_t registered; /* the register of S1 is confirmed */
    uint64_t traded;     /* A sold to B, all of C's to D, A pledged, B frozen */
    uint64_t first_seal; /* last block of epoch 0 and of its day */
    uint64_t later;      /* in epoch 1; certified in a later view */
    uint64_t second_seal;
    uint64_t last;
};

/* story_new tells it on chain 0, story_new_on on one of another number. */
struct story *story_new(void);
struct story *story_new_on(uint64_t chain);
void story_free(struct story *s);
const struct receipt *story_find(const struct story *s, const char *name);

#endif /* TESTS_RECEIPTS_STORY_H */
