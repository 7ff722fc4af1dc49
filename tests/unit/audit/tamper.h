/* tamper.h - receipts of the story, changed by hand or byte by byte. */
#ifndef TESTS_UNIT_AUDIT_TAMPER_H
#define TESTS_UNIT_AUDIT_TAMPER_H

#include "audit/report.h"
#include "base/check.h"
#include "crypto/hash.h"
#include "tests/receipts/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct story *story;
static struct receipt tampered; /* a copy to change */
static struct receipt_facts facts;

/* With RECEIPTS_BAD=DIR every receipt that a test expects to be refuted is also
 * written to DIR/PROGRAM-NUMBER-REASON-ANCHOR.bin, for the program and the twin
 * to refute too. */
static const char *bad_program;

static inline FILE *create_bad(const char *name)
{
    char path[512];
    FILE *out;

    (void)snprintf(path, sizeof path, "%s/%s", getenv("RECEIPTS_BAD"), name);
    out = fopen(path, "wb");
    assert_non_null(out);
    return out;
}

static inline void keep_trust(const char *name, bool genesis)
{
    struct trust t = story->trust;
    FILE *out = create_bad(name);

    t.genesis = genesis;
    t.pin_count = genesis ? 0 : t.pin_count;
    assert_true(trust_write(out, &t));
    assert_int_equal(fclose(out), 0);
}

static inline void keep_bad(const struct receipt *r, const char *reason)
{
    static uint32_t number;
    struct buf bytes = {0};
    char name[256];
    FILE *out;

    if (getenv("RECEIPTS_BAD") == NULL)
        return;
    (void)snprintf(name,
                   sizeof name,
                   "%s-%03u-%s-%s.bin",
                   bad_program,
                   ++number,
                   reason,
                   r->anchor.kind == ANCHOR_GENESIS ? "genesis" : "pinned");
    assert_int_equal(receipt_encode(&bytes, r), ERR_NONE);
    out = create_bad(name);
    (void)fwrite(bytes.at, 1, bytes.size, out);
    assert_int_equal(fclose(out), 0);
    buf_deinit(&bytes);
}

static inline int setup(void **state)
{
    (void)state;
    story = story_new();
    if (getenv("RECEIPTS_BAD") != NULL) {
        keep_trust("trust-genesis.json", true);
        keep_trust("trust-pinned.json", false);
    }
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
    else
        t.genesis = false;
    verify(r, &t);
}

static inline void expect_fault(const struct receipt *r, const char *name)
{
    verify_plainly(r);
    assert_string_equal(fault_name(facts.fault), name);
    assert_int_equal(facts.outcome, RECEIPT_REFUTED);
    keep_bad(r, name);
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
