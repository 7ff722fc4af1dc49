/* tamper.h - receipts of the story, changed by hand or byte by byte. */
#ifndef TESTS_UNIT_AUDIT_TAMPER_H
#define TESTS_UNIT_AUDIT_TAMPER_H

#include "audit/report.h"
#include "base/check.h"
#include "crypto/hash.h"
#include "tests/receipts/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct story *story;
static struct receipt tampered; /* a copy to change */
static struct receipt_facts facts;

static inline int setup(void **state)
{
    (void)state;
    story = story_new();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    story_free(story);
    return 0;
}

static inline struct rig *rig(void)
{
    return story->g;
}

/* A copy of a receipt of the story, in `tampered`. */
static inline struct receipt *take(const char *name)
{
    tampered = *story_find(story, name);
    return &tampered;
}

/* Encodes, decodes and verifies. */
static inline void verify(const struct receipt *r, const struct trust *t)
{
    static struct receipt again;
    struct buf bytes = {0};

    assert_int_equal(receipt_encode(&bytes, r), ERR_NONE);
    receipt_check(&facts, &again, buf_bytes(&bytes), t);
    buf_deinit(&bytes);
}

/* By a trust file with the receipt's own anchor alone: blocks made up by a
 * quorum are not compared with pinned ones. */
static inline void verify_plainly(const struct receipt *r)
{
    struct trust t = story->trust;

    if (r->anchor.kind == ANCHOR_GENESIS)
        t.pin_count = 0;
    verify(r, &t);
}

static inline void expect_fault(const struct receipt *r, const char *name)
{
    verify_plainly(r);
    assert_string_equal(fault_name(facts.fault), name);
    assert_int_equal(facts.outcome, RECEIPT_REFUTED);
}

static inline void expect_proven(const struct receipt *r)
{
    verify_plainly(r);
    assert_string_equal(fault_name(facts.fault), "none");
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
}

static inline struct buf encoded(const struct receipt *r)
{
    struct buf bytes = {0};

    assert_int_equal(receipt_encode(&bytes, r), ERR_NONE);
    return bytes;
}

/* Gives bytes the digest that belongs to them. */
static inline void fix_digest(uint8_t *at, size_t size)
{
    const struct hash h = hash_of(bytes_of(at, size - HASH_BYTES));

    ASSERT(size >= HASH_BYTES);
    memcpy(at + size - HASH_BYTES, h.raw, HASH_BYTES);
}

static inline enum receipt_outcome outcome_of(const uint8_t *at, size_t size)
{
    static struct receipt again;

    receipt_check(&facts, &again, bytes_of(at, size), &story->trust);
    return facts.outcome;
}

/* Where the sections of an encoded receipt begin; ends with the digest. */
enum {
    FRONT_BYTES = 42,
};
static inline uint32_t sections_of(size_t at[16], const struct buf *b)
{
    uint32_t count = 0;
    size_t place = FRONT_BYTES;

    while (place < b->size - HASH_BYTES) {
        struct reader r = reader_of(bytes_of(b->at + place + 1, 4));

        at[count++] = place;
        place += 5 + reader_u32(&r);
    }
    at[count] = place;
    return count;
}

/* A copy of size bytes that a sanitizer sees the end of. */
static inline uint8_t *copy_of(const void *at, size_t size)
{
    uint8_t *out = malloc(size > 0 ? size : 1);

    assert_non_null(out);
    if (size > 0)
        memcpy(out, at, size);
    return out;
}

#endif /* TESTS_UNIT_AUDIT_TAMPER_H */
