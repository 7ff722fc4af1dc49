/* Receipts of the golden vectors, changed at random: none may be proven.
 *
 *   mutate DIR N [SEED]   N mutations; 0 accepted, or the one that was is kept
 *   mutate DIR --judge    reads (u32 size, bytes) from standard input, writes
 *                         one line each: outcome and reason
 *   mutate DIR --reshape N [SEED]  N receipts in which one thing is changed
 *                         where it means something (reshape.h), often by what
 *                         stands in receipts of another chain
 *   mutate DIR --reshaped N [SEED]  the same for the twin: writes (u32 size,
 *                         bytes, u8 outcome) to standard output
 *
 * Nine of ten mutations get the right digest again, so that they reach what is
 * behind it.  Each vector is checked by a trust file that names its own anchor
 * only. */
#include "audit/verify.h"
#include "base/check.h"
#include "base/num.h"
#include "crypto/hash.h"
#include "tests/receipts/reshape.h"
#include "tests/receipts/story.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VECTORS_MAX = 64,
    SECTIONS_MAX = 16,
    FRONT_BYTES = 42,
    RUN_MAX = 80,
};

struct vector {
    char name[256];
    struct buf bytes;
    struct trust trust;
    uint32_t sections;
    size_t at[SECTIONS_MAX]; /* and the digest */
};

struct run {
    uint32_t count;
    struct vector vectors[VECTORS_MAX];
    struct trust trust;
    uint64_t dice;
    struct receipt receipt;
    struct receipt_facts facts;
    uint64_t faults[FAULTS];
    uint64_t tried;
    uint64_t same;
};

static uint64_t roll(struct run *r, uint64_t below)
{
    uint64_t z = r->dice += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static void read_file(struct buf *out, const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t chunk[65536];
    size_t got;

    if (in == NULL) {
        perror(path);
        exit(66);
    }
    while ((got = fread(chunk, 1, sizeof chunk, in)) > 0)
        buf_append(out, chunk, got);
    if (ferror(in) != 0) {
        perror(path);
        exit(74);
    }
    (void)fclose(in);
}

static void find_sections(struct vector *v)
{
    size_t place = FRONT_BYTES;

    while (place < v->bytes.size - HASH_BYTES) {
        struct reader in = reader_of(bytes_of(v->bytes.at + place + 1, 4));

        ASSERT(v->sections + 1 < SECTIONS_MAX);
        v->at[v->sections++] = place;
        place += 5 + reader_u32(&in);
    }
    v->at[v->sections] = place;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct vector *)a)->name,
                  ((const struct vector *)b)->name);
}

static void load(struct run *r, const char *dir)
{
    DIR *d = opendir(dir);
    struct buf text = {0};
    struct dirent *e;
    char path[1024];
    char why[256];

    (void)snprintf(path, sizeof path, "%s/trust.json", dir);
    read_file(&text, path);
    if (d == NULL ||
        trust_parse(&r->trust, buf_bytes(&text), why, sizeof why) != ERR_NONE) {
        fprintf(stderr, "%s: no vectors or no trust file\n", dir);
        exit(66);
    }
    buf_deinit(&text);
    while ((e = readdir(d)) != NULL) {
        const char *dot = strrchr(e->d_name, '.');
        struct vector *v = &r->vectors[r->count];

        if (dot == NULL || strcmp(dot, ".bin") != 0)
            continue;
        ASSERT(r->count < VECTORS_MAX);
        (void)snprintf(v->name, sizeof v->name, "%s", e->d_name);
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        read_file(&v->bytes, path);
        find_sections(v);
        v->trust = r->trust;
        if (v->bytes.at[v->at[0] + 5] == ANCHOR_GENESIS)
            v->trust.pin_count = 0;
        else
            v->trust.genesis = false;
        r->count++;
    }
    (void)closedir(d);
    qsort(r->vectors, r->count, sizeof r->vectors[0], by_name);
}

/* ---- mutations ---- */

static struct vector *any(struct run *r)
{
    return &r->vectors[roll(r, r->count)];
}

static size_t place_in(struct run *r, const struct buf *b)
{
    return roll(r, b->size);
}

static void flip_bits(struct run *r, struct buf *b)
{
    for (uint64_t n = 1 + roll(r, 4); n > 0; n--)
        b->at[place_in(r, b)] ^= (uint8_t)(1u << roll(r, 8));
}

static void set_bytes(struct run *r, struct buf *b)
{
    static const uint8_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};

    for (uint64_t n = 1 + roll(r, 3); n > 0; n--)
        b->at[place_in(r, b)] = roll(r, 2) == 0 ? edges[roll(r, sizeof edges)]
                                                : (uint8_t)roll(r, 256);
}

/* A number of 2, 4 or 8 bytes, a little more or less. */
static void nudge(struct run *r, struct buf *b)
{
    const size_t width = (size_t)2 << roll(r, 3);
    const size_t at = roll(r, b->size - 8);
    uint64_t v = 0;
    const uint64_t by = 1 + roll(r, 3);

    memcpy(&v, b->at + at, width);
    v = roll(r, 2) == 0 ? v + by : v - by;
    memcpy(b->at + at, &v, width);
}

static void overwrite(struct run *r, struct buf *b)
{
    const struct vector *from = any(r);
    const size_t size = 1 + roll(r, RUN_MAX);
    const size_t to = roll(r, b->size - size);

    memcpy(b->at + to, from->bytes.at + roll(r, from->bytes.size - size), size);
}

/* Two blocks of the size of a hash or of a path's step change places. */
static void exchange(struct run *r, struct buf *b)
{
    const size_t size = 32 + roll(r, 2);
    const size_t x = roll(r, b->size - 3 * size);
    const size_t y = x + size + roll(r, size);
    uint8_t keep[64];

    memcpy(keep, b->at + x, size);
    memcpy(b->at + x, b->at + y, size);
    memcpy(b->at + y, keep, size);
}

static void cut_out(struct run *r, struct buf *b)
{
    const size_t size = 1 + roll(r, RUN_MAX);
    const size_t at = roll(r, b->size - size);

    memmove(b->at + at, b->at + at + size, b->size - at - size);
    b->size -= size;
}

static void put_in(struct run *r, struct buf *b)
{
    const size_t size = 1 + roll(r, RUN_MAX);
    const struct vector *from = any(r);
    const size_t at = place_in(r, b);

    buf_append(b, NULL, size);
    memmove(b->at + at + size, b->at + at, b->size - at - size);
    memcpy(b->at + at, from->bytes.at + roll(r, from->bytes.size - size), size);
}

static void cut_end(struct run *r, struct buf *b)
{
    b->size -= 1 + roll(r, b->size / 2);
}

static void append_section(struct buf *b, const struct vector *v, uint32_t s)
{
    buf_append(b, v->bytes.at + v->at[s], v->at[s + 1] - v->at[s]);
}

/* Sections swapped, repeated, left out, put in from elsewhere, or resized; the
 * front stays: without its disclosure, and saying so, a receipt is another good
 * one. */
static void sections(struct run *r, struct buf *b, const struct vector *v)
{
    const uint64_t how = roll(r, 5);
    const uint32_t x = (uint32_t)roll(r, v->sections);
    const uint32_t y = (uint32_t)roll(r, v->sections);
    const struct vector *other = any(r);

    b->size = FRONT_BYTES;
    for (uint32_t s = 0; s < v->sections; s++) {
        const size_t begin = b->size;

        if (how == 0 && (s == x || s == y))
            append_section(b, v, s == x ? y : x);
        else if (how == 2 && s == x)
            continue;
        else if (how == 3 && s == x)
            append_section(b, other, (uint32_t)roll(r, other->sections));
        else
            append_section(b, v, s);
        if (how == 1 && s == x)
            append_section(b, v, y);
        if (how == 4 && s == x) {
            struct writer w;

            buf_append(b, NULL, 1 + roll(r, 8));
            w = writer_of(b->at + begin + 1, 4);
            writer_u32(&w, (uint32_t)(b->size - begin - 5));
        }
    }
    buf_append(b, NULL, HASH_BYTES);
}

static void mutate_once(struct run *r, struct buf *b, const struct vector *v)
{
    switch (roll(r, 12)) {
    case 0:
    case 1:
    case 2:
        flip_bits(r, b);
        return;
    case 3:
    case 4:
        set_bytes(r, b);
        return;
    case 5:
        nudge(r, b);
        return;
    case 6:
        overwrite(r, b);
        return;
    case 7:
        exchange(r, b);
        return;
    case 8:
        cut_out(r, b);
        return;
    case 9:
        put_in(r, b);
        return;
    case 10:
        cut_end(r, b);
        return;
    default:
        sections(r, b, v);
    }
}

static void mutate(struct run *r, struct buf *b, const struct vector *v)
{
    buf_clear(b);
    buf_append(b, v->bytes.at, v->bytes.size);
    mutate_once(r, b, v);
    if (roll(r, 8) == 0 && b->size > 4 * RUN_MAX)
        mutate_once(r, b, v);
    if (roll(r, 10) != 0 && b->size >= HASH_BYTES) {
        const struct hash h = hash_of(bytes_of(b->at, b->size - HASH_BYTES));

        memcpy(b->at + b->size - HASH_BYTES, h.raw, HASH_BYTES);
    }
}

static bool is_vector(const struct run *r, const struct buf *b)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (bytes_eq(buf_bytes(b), buf_bytes(&r->vectors[i].bytes)))
            return true;
    }
    return false;
}

static void keep_accepted(const struct buf *b)
{
    FILE *out = fopen("accepted.bin", "wb");

    if (out != NULL) {
        (void)fwrite(b->at, 1, b->size, out);
        (void)fclose(out);
    }
}

static bool one(struct run *r, struct buf *b)
{
    const struct vector *v = any(r);

    mutate(r, b, v);
    if (is_vector(r, b)) {
        r->same++;
        return true;
    }
    r->tried++;
    receipt_check(&r->facts, &r->receipt, buf_bytes(b), &v->trust);
    r->faults[r->facts.fault]++;
    if (r->facts.outcome != RECEIPT_PROVEN)
        return true;
    fprintf(stderr,
            "mutate: accepted a mutation of %s; see accepted.bin\n",
            v->name);
    keep_accepted(b);
    return false;
}

static uint32_t say_faults(const struct run *r, const char *what, uint64_t seed)
{
    uint32_t met = 0;

    for (uint32_t i = 1; i < FAULTS; i++) {
        met += r->faults[i] > 0 ? 1 : 0;
        if (r->faults[i] > 0)
            printf("  %-16s %9llu\n",
                   fault_name((enum receipt_fault)i),
                   (unsigned long long)r->faults[i]);
    }
    printf("%s: seed=%llu vectors=%u mutations=%llu reasons=%u accepted=%llu\n",
           what,
           (unsigned long long)seed,
           r->count,
           (unsigned long long)r->tried,
           met,
           (unsigned long long)r->faults[FAULT_NONE]);
    return met;
}

static int run_all(struct run *r, uint64_t n, uint64_t seed)
{
    struct buf b = {0};
    uint32_t met;
    bool ok = true;

    r->dice = seed;
    while (ok && r->tried < n)
        ok = one(r, &b);
    buf_deinit(&b);
    met = say_faults(r, "receipts-mutate", seed);
    /* A mutator that comes no further than the digest would show nothing. */
    if (n >= 20000 && met < 20) {
        fprintf(stderr, "mutate: only %u reasons were met\n", met);
        return 1;
    }
    return ok ? 0 : 1;
}

/* ---- one thing changed where it means something ---- */

static uint64_t roll_for(void *ctx, uint64_t below)
{
    return roll(ctx, below);
}

struct shaping {
    struct run *run;
    struct story *foreign; /* the same story on another chain */
    struct receipt *own[VECTORS_MAX];
    struct receipt changed;
    struct arena room;
    struct buf bytes;
};

static void begin_shaping(struct shaping *x, struct run *r)
{
    const char *where;

    x->run = r;
    x->foreign = story_new_on(1);
    for (uint32_t i = 0; i < r->count; i++) {
        x->own[i] = calloc(1, sizeof *x->own[i]);
        ASSERT(x->own[i] != NULL);
        if (receipt_decode(x->own[i],
                           &where,
                           buf_bytes(&r->vectors[i].bytes)) != ERR_NONE) {
            fprintf(stderr, "mutate: %s is no receipt\n", r->vectors[i].name);
            exit(65);
        }
    }
}

static void end_shaping(struct shaping *x)
{
    for (uint32_t i = 0; i < x->run->count; i++)
        free(x->own[i]);
    story_free(x->foreign);
    arena_deinit(&x->room);
    buf_deinit(&x->bytes);
}

/* The next one that is not as it was, in x->bytes; where it comes from. */
static const struct vector *shape(struct shaping *x, const char **way)
{
    struct run *r = x->run;
    struct reshape s = {.roll = roll_for, .ctx = r, .room = &x->room};

    for (;;) {
        const uint32_t i = (uint32_t)roll(r, r->count);
        struct receipt *other =
            roll(r, 2) == 0
                ? x->own[roll(r, r->count)]
                : x->foreign->list[roll(r, x->foreign->count)].receipt;

        arena_reset(&x->room);
        buf_clear(&x->bytes);
        x->changed = *x->own[i];
        if (!reshape(&x->changed, other, &s) ||
            receipt_encode(&x->bytes, &x->changed) != ERR_NONE)
            continue;
        if (is_vector(r, &x->bytes)) {
            r->same++;
            continue;
        }
        *way = s.way;
        return &r->vectors[i];
    }
}

static bool shape_one(struct shaping *x)
{
    struct run *r = x->run;
    const char *way;
    const struct vector *v = shape(x, &way);

    r->tried++;
    receipt_check(&r->facts, &r->receipt, buf_bytes(&x->bytes), &v->trust);
    r->faults[r->facts.fault]++;
    if (r->facts.outcome != RECEIPT_PROVEN)
        return true;
    fprintf(stderr,
            "mutate: accepted %s with another %s; see accepted.bin\n",
            v->name,
            way);
    keep_accepted(&x->bytes);
    return false;
}

static int shape_all(struct run *r, uint64_t n, uint64_t seed)
{
    static struct shaping x;
    uint32_t met;
    bool ok = true;

    r->dice = seed;
    begin_shaping(&x, r);
    while (ok && r->tried < n)
        ok = shape_one(&x);
    end_shaping(&x);
    met = say_faults(r, "receipts-reshape", seed);
    if (n >= 20000 && met < 22) {
        fprintf(stderr, "mutate: only %u reasons were met\n", met);
        return 1;
    }
    return ok ? 0 : 1;
}

static int shape_for_twin(struct run *r, uint64_t n, uint64_t seed)
{
    static struct shaping x;
    const char *way;

    r->dice = seed;
    begin_shaping(&x, r);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t head[4];
        struct writer w = writer_of(head, sizeof head);

        (void)shape(&x, &way);
        receipt_check(&r->facts, &r->receipt, buf_bytes(&x.bytes), &r->trust);
        writer_u32(&w, (uint32_t)x.bytes.size);
        (void)fwrite(head, 1, sizeof head, stdout);
        (void)fwrite(x.bytes.at, 1, x.bytes.size, stdout);
        (void)fputc(r->facts.outcome, stdout);
    }
    end_shaping(&x);
    return fflush(stdout) == 0 ? 0 : 74;
}

static const char *const outcomes[] = {"proven", "refuted", "out_of_reach"};

static int judge(struct run *r)
{
    struct buf b = {0};
    uint8_t head[4];

    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        struct reader in = reader_of(bytes_of(head, sizeof head));
        const uint32_t size = reader_u32(&in);

        buf_clear(&b);
        buf_append(&b, NULL, size);
        if (fread(b.at, 1, size, stdin) != size)
            return 74;
        receipt_check(&r->facts, &r->receipt, buf_bytes(&b), &r->trust);
        printf("%s %s\n",
               outcomes[r->facts.outcome == RECEIPT_PROVEN    ? 0
                        : r->facts.outcome == RECEIPT_REFUTED ? 1
                                                              : 2],
               fault_name(r->facts.fault));
        (void)fflush(stdout);
    }
    buf_deinit(&b);
    return 0;
}

static const struct {
    const char *word; /* after DIR; NULL: none */
    int (*run)(struct run *r, uint64_t n, uint64_t seed);
} runs[] = {
    {"--reshape", shape_all},
    {"--reshaped", shape_for_twin},
    {NULL, run_all},
};

static int usage(void)
{
    fprintf(stderr,
            "mutate DIR [--reshape|--reshaped] N [SEED]\n"
            "mutate DIR --judge\n");
    return 64;
}

int main(int argc, char **argv)
{
    static struct run r;
    uint64_t n = 0;
    uint64_t seed = 1;
    size_t which = 0;
    int at = 2;
    int code;

    if (argc < 3)
        return usage();
    while (runs[which].word != NULL && strcmp(runs[which].word, argv[2]) != 0)
        which++;
    at += runs[which].word != NULL ? 1 : 0;
    if (strcmp(argv[2], "--judge") != 0 &&
        (argc <= at || argc > at + 2 || !num_parse_u64(&n, argv[at]) ||
         (argc == at + 2 && !num_parse_u64(&seed, argv[at + 1]))))
        return usage();
    load(&r, argv[1]);
    code = strcmp(argv[2], "--judge") == 0 ? judge(&r)
                                           : runs[which].run(&r, n, seed);
    for (uint32_t i = 0; i < r.count; i++)
        buf_deinit(&r.vectors[i].bytes);
    return code;
}
