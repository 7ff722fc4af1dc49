/* Properties of every encoding:
 *   P1  what is encoded decodes, and encodes again to the same bytes
 *   P2  no proper prefix decodes, nor do the bytes with one more after them
 *   P3  bytes with a changed one are refused, or encode again to just those:
 *       one meaning has one encoding
 *   P4  what decodes is sound: in order, of this version, without stray bits
 *   P5  JSON says all of an operation or row: from it come the same bytes
 *   P6  the JSON that a verifier writes of a record is what a node answers
 *
 * Values come from the schemas, so what is added to a table is tried too.
 * SEED=n in the environment repeats a run. */
#include "audit/jtext.h"
#include "base/check.h"
#include "base/num.h"
#include "chain/cert.h"
#include "chain/genesis.h"
#include "chain/header.h"
#include "chain/tx.h"
#include "consensus/msg.h"
#include "ledger/event.h"
#include "ledger/ops.h"
#include "ledger/rows.h"
#include "net/hello.h"
#include "rpc/schema_json.h"
#include "tests/property/dice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t seed = 1;

enum {
    BYTES_MAX = 1 << 20,
    ROUNDS = 200,
    FLIPS = 60,
    PREFIXES_MAX = 400, /* of long encodings, that many */
};

/* make writes a random valid encoding; again decodes `in` and encodes what it
 * said, or says false when it is refused. */
struct codec {
    const char *name;
    void (*make)(struct writer *w, struct dice *d, const void *what);
    bool (*again)(struct writer *w, struct bytes in, const void *what);
    const void *what;
};

static void fill_bytes(void *at, size_t size, struct dice *d)
{
    uint8_t *to = at;

    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)dice_u64(d);
}

/* Small, large and any numbers. */
static uint64_t some_u64(struct dice *d)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     INT32_MAX,
                                     UINT32_MAX,
                                     (uint64_t)1 << 53,
                                     INT64_MAX,
                                     (uint64_t)INT64_MAX + 1,
                                     UINT64_MAX};

    switch (dice_below(d, 3)) {
    case 0:
        return edges[dice_below(d, ARRAY_LEN(edges))];
    case 1:
        return dice_below(d, 1000);
    default:
        return dice_u64(d);
    }
}

static void fill_named(uint8_t *at, const struct field *f, struct dice *d)
{
    uint16_t flags = 0;

    if (f->kind == FIELD_ENUM) {
        do {
            *at = (uint8_t)dice_below(d, f->max);
        } while (f->names[*at] == NULL);
        return;
    }
    for (uint32_t bit = 0; bit < f->max; bit++) {
        if (f->names[bit] != NULL && dice_below(d, 2) == 0)
            flags |= (uint16_t)(1u << bit);
    }
    memcpy(at, &flags, sizeof flags);
}

static void fill_code(char *at, uint32_t max, struct dice *d)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const uint32_t size = 1 + dice_below(d, max);

    for (uint32_t i = 0; i < size; i++)
        at[i] = alphabet[dice_below(d, sizeof alphabet - 1)];
}

static void fill(void *record, const struct schema *s, struct dice *d);

static void fill_list(uint8_t *base, const struct field *f, struct dice *d)
{
    uint32_t count = dice_below(d, 4);

    if (dice_below(d, 16) == 0)
        count = f->max;
    count = count > f->max ? f->max : count;
    for (uint32_t i = 0; i < count; i++)
        fill(base + f->offset + i * f->sub->size, f->sub, d);
    memcpy(base + f->count_offset, &count, sizeof count);
}

static void fill_field(uint8_t *base, const struct field *f, struct dice *d)
{
    uint8_t *at = base + f->offset;
    uint64_t v = some_u64(d);
    const uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    const bool flag = v % 2 == 1;

    switch (f->kind) {
    case FIELD_U8:
        *at = (uint8_t)v;
        return;
    case FIELD_U16:
        memcpy(at, &v16, sizeof v16);
        return;
    case FIELD_DATE:
        v32 %= NUM_DAY_LAST + 1;
        memcpy(at, &v32, sizeof v32);
        return;
    case FIELD_U32:
        memcpy(at, &v32, sizeof v32);
        return;
    case FIELD_U64:
    case FIELD_QTY:
    case FIELD_MONEY:
    case FIELD_TIME:
        memcpy(at, &v, sizeof v);
        return;
    case FIELD_BOOL:
        memcpy(at, &flag, sizeof flag);
        return;
    case FIELD_ENUM:
    case FIELD_FLAGS:
        fill_named(at, f, d);
        return;
    case FIELD_HASH:
        fill_bytes(at, HASH_BYTES, d);
        return;
    case FIELD_FIXED:
        fill_bytes(at, f->max, d);
        return;
    case FIELD_CODE:
        fill_code((char *)at, f->max, d);
        return;
    case FIELD_STRUCT:
        fill(at, f->sub, d);
        return;
    case FIELD_LIST:
        fill_list(base, f, d);
        return;
    }
}

/* A random valid record in zeroed memory. */
static void fill(void *record, const struct schema *s, struct dice *d)
{
    for (uint32_t i = 0; i < s->field_count; i++)
        fill_field(record, &s->fields[i], d);
}

static void *new_record(const struct schema *s)
{
    void *record = calloc(1, s->size);

    assert_non_null(record);
    return record;
}

/* An own copy of just these bytes, so that a sanitizer sees a read beyond. */
static uint8_t *copy_of(struct bytes in)
{
    uint8_t *copy = malloc(in.size > 0 ? in.size : 1);

    assert_non_null(copy);
    if (in.size > 0)
        memcpy(copy, in.at, in.size);
    return copy;
}

/* Whether `in` is refused; if not, it must be the encoding of what it says. */
static bool refused(const struct codec *c, struct bytes in)
{
    static uint8_t out[BYTES_MAX];
    struct writer w = writer_of(out, sizeof out);
    uint8_t *copy = copy_of(in);
    const bool taken = c->again(&w, bytes_of(copy, in.size), c->what);

    if (taken && !bytes_eq(writer_bytes(&w), in))
        fail_msg(
            "%s: %zu bytes came back as %zu others", c->name, in.size, w.size);
    free(copy);
    return !taken;
}

static void check_prefixes(const struct codec *c,
                           struct bytes in,
                           struct dice *d)
{
    const bool all = in.size <= PREFIXES_MAX;
    const size_t tries = all ? in.size : PREFIXES_MAX;

    for (size_t i = 0; i < tries; i++) {
        const size_t size = all || i < PREFIXES_MAX / 4 ? i
                            : i < PREFIXES_MAX / 2
                                ? in.size - 1 - (i - PREFIXES_MAX / 4)
                                : dice_below(d, (uint32_t)in.size);

        if (!refused(c, bytes_of(in.at, size)))
            fail_msg("%s: %zu of %zu bytes decode", c->name, size, in.size);
    }
}

static void check_flips(const struct codec *c,
                        uint8_t *at,
                        size_t size,
                        struct dice *d)
{
    for (uint32_t i = 0; i < FLIPS && size > 0; i++) {
        /* Heads and counts stand in front more often than not. */
        const uint32_t reach =
            (uint32_t)(dice_below(d, 2) == 0 && size > 64 ? 64 : size);
        const uint32_t k = dice_below(d, reach);
        const uint8_t old = at[k];

        if (dice_below(d, 2) == 0)
            at[k] = (uint8_t)(old ^ (1u << dice_below(d, 8)));
        else
            at[k] = (uint8_t)dice_u64(d);
        (void)refused(c, bytes_of(at, size));
        at[k] = old;
    }
}

static void check_codec(const struct codec *c, uint32_t rounds)
{
    static uint8_t buf[BYTES_MAX];
    struct dice d = {seed};

    for (uint32_t i = 0; i < rounds; i++) {
        struct writer w = writer_of(buf, sizeof buf - 1);

        c->make(&w, &d, c->what);
        assert_true(writer_ok(&w));
        if (refused(c, writer_bytes(&w)))
            fail_msg("%s: its own encoding is refused", c->name);
        check_prefixes(c, writer_bytes(&w), &d);
        buf[w.size] = i % 2 == 0 ? 0 : (uint8_t)dice_u64(&d);
        if (!refused(c, bytes_of(buf, w.size + 1)))
            fail_msg("%s: one byte more decodes too", c->name);
        check_flips(c, buf, w.size, &d);
    }
}

static void record_make(struct writer *w, struct dice *d, const void *what)
{
    const struct schema *s = what;
    void *record = new_record(s);

    fill(record, s, d);
    schema_encode(w, s, record);
    free(record);
}

static bool record_again(struct writer *w, struct bytes in, const void *what)
{
    const struct schema *s = what;
    void *record = new_record(s);
    const bool ok = schema_decode(record, s, in) == ERR_NONE;

    if (ok)
        schema_encode(w, s, record);
    free(record);
    return ok;
}

static void check_record(const struct schema *s)
{
    const struct codec c = {s->name, record_make, record_again, s};

    check_codec(&c, ROUNDS);
}

static void test_every_row(void **x)
{
    uint32_t rows = 0;

    (void)x;
    for (uint8_t t = 0; t < TABLE_SLOTS; t++) {
        if (row_schema(t) == NULL)
            continue;
        check_record(row_schema(t));
        rows++;
    }
    assert_int_equal(rows, TABLES_USED);
}

static void test_every_other_record(void **x)
{
    static const struct schema *const records[] = {&validator_schema,
                                                   &valset_schema,
                                                   &segment_schema,
                                                   &selector_schema,
                                                   &register_line_schema,
                                                   &institution_key_schema,
                                                   &genesis_params_schema,
                                                   &genesis_schema};

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(records); i++)
        check_record(records[i]);
}

static void op_make(struct writer *w, struct dice *d, const void *what)
{
    const struct op_def *def = what;
    void *op = new_record(def->schema);

    fill(op, def->schema, d);
    op_encode(w, def, op);
    free(op);
}

static bool op_again(struct writer *w, struct bytes in, const void *what)
{
    static union op_any op;
    const struct op_def *def;

    (void)what;
    if (op_decode(&def, &op, in) != ERR_NONE)
        return false;
    op_encode(w, def, &op);
    return true;
}

static void test_every_operation(void **x)
{
    (void)x;
    for (uint32_t i = 0; i < op_table_count; i++) {
        const struct codec c = {
            op_table[i]->schema->name, op_make, op_again, op_table[i]};

        assert_true(op_table[i]->schema->size <= sizeof(union op_any));
        check_codec(&c, ROUNDS);
    }
}

static void event_make(struct writer *w, struct dice *d, const void *what)
{
    struct event e = {0};

    fill(&e, &event_schema, d);
    e.kind = *(const uint8_t *)what;
    schema_encode(w, &event_schema, &e);
    assert_true(w->size <= EVENT_BYTES_MAX);
}

static bool event_again(struct writer *w, struct bytes in, const void *what)
{
    (void)what;
    return record_again(w, in, &event_schema);
}

static void test_every_event_kind(void **x)
{
    (void)x;
    for (uint8_t kind = 0; kind < EVENT_KINDS; kind++) {
        const struct codec c = {
            event_kind_names[kind], event_make, event_again, &kind};

        if (event_kind_names[kind] != NULL)
            check_codec(&c, ROUNDS);
    }
}

static void header_make(struct writer *w, struct dice *d, const void *what)
{
    struct header h = {0};
    uint8_t buf[HEADER_BYTES_MAX];

    (void)what;
    fill(&h, &header_schema, d);
    h.version = HEADER_VERSION;
    writer_copy(w, buf, header_encode(buf, &h));
}

static bool header_again(struct writer *w, struct bytes in, const void *what)
{
    struct header h;
    uint8_t buf[HEADER_BYTES_MAX];

    (void)what;
    if (header_decode(&h, in) != ERR_NONE)
        return false;
    assert_int_equal(h.version, HEADER_VERSION);
    writer_copy(w, buf, header_encode(buf, &h));
    return true;
}

static struct candidate some_candidate(struct dice *d, uint8_t kind)
{
    struct candidate c = {.view = some_u64(d)};

    c.view += c.view == 0;
    if (kind == VOTE_NULLIFY)
        return c;
    c.parent_view = dice_u64(d) % c.view;
    c.height = some_u64(d);
    fill_bytes(&c.block, sizeof c.block, d);
    return c;
}

static struct vote some_vote(struct dice *d, uint8_t kind)
{
    struct vote v = {.kind = kind, .epoch = some_u64(d)};

    v.about = some_candidate(d, kind);
    v.signer = (uint8_t)dice_below(d, VALIDATORS_MAX);
    fill_bytes(&v.sig, sizeof v.sig, d);
    return v;
}

static uint8_t some_vote_kind(struct dice *d)
{
    return (uint8_t)(VOTE_NOTARIZE + dice_below(d, 3));
}

static struct cert some_cert(struct dice *d)
{
    const uint8_t kind = some_vote_kind(d);
    struct cert c = {.kind = kind, .epoch = some_u64(d)};

    c.about = some_candidate(d, kind);
    c.bitmap = dice_below(d, 4) == 0 ? UINT32_MAX : (uint32_t)some_u64(d);
    fill_bytes(
        c.sigs, (size_t)__builtin_popcount(c.bitmap) * sizeof c.sigs[0], d);
    return c;
}

static void vote_make(struct writer *w, struct dice *d, const void *what)
{
    const struct vote v = some_vote(d, some_vote_kind(d));

    (void)what;
    vote_encode(w, &v);
}

static bool vote_again(struct writer *w, struct bytes in, const void *what)
{
    struct vote v;

    (void)what;
    if (msg_vote_decode(&v, in) != ERR_NONE)
        return false;
    vote_encode(w, &v);
    return true;
}

static void cert_make(struct writer *w, struct dice *d, const void *what)
{
    const struct cert c = some_cert(d);

    (void)what;
    cert_encode(w, &c);
}

static bool cert_again(struct writer *w, struct bytes in, const void *what)
{
    struct cert c;

    (void)what;
    if (msg_cert_decode(&c, in) != ERR_NONE)
        return false;
    cert_encode(w, &c);
    return true;
}

static struct bytes some_bytes(struct dice *d, uint32_t max)
{
    static uint8_t buf[4096];
    const uint32_t size = dice_below(d, max + 1);

    assert_true(size <= sizeof buf);
    fill_bytes(buf, size, d);
    return bytes_of(buf, size);
}

static void proposal_make(struct writer *w, struct dice *d, const void *what)
{
    static struct cert certs[MSG_CERTS_MAX];
    const struct cert *at[MSG_CERTS_MAX];
    const struct vote v = some_vote(d, VOTE_NOTARIZE);
    const uint32_t count =
        dice_below(d, 10) == 0 ? MSG_CERTS_MAX : dice_below(d, 4);
    uint8_t header[HEADER_BYTES_MAX];
    const struct bytes h = some_bytes(d, sizeof header);

    (void)what;
    if (h.size > 0)
        memcpy(header, h.at, h.size);
    for (uint32_t i = 0; i < count; i++) {
        certs[i] = some_cert(d);
        at[i] = &certs[i];
    }
    msg_proposal_encode(w,
                        &v.about,
                        &v,
                        bytes_of(header, h.size),
                        at,
                        count,
                        some_bytes(d, h.size == 0 ? 0 : 900));
}

static bool proposal_again(struct writer *w, struct bytes in, const void *what)
{
    static struct msg_proposal m;
    const struct cert *at[MSG_CERTS_MAX];

    (void)what;
    if (msg_proposal_decode(&m, in) != ERR_NONE)
        return false;
    assert_int_equal(m.vote.kind, VOTE_NOTARIZE);
    assert_true(candidate_eq(&m.vote.about, &m.candidate));
    for (uint32_t i = 0; i < m.cert_count; i++)
        at[i] = &m.certs[i];
    msg_proposal_encode(
        w, &m.candidate, &m.vote, m.header, at, m.cert_count, m.body);
    return true;
}

static void status_make(struct writer *w, struct dice *d, const void *what)
{
    struct core_status s = {.view = some_u64(d), .final_view = some_u64(d)};

    (void)what;
    s.final_view -= s.final_view == UINT64_MAX;
    s.final_height = some_u64(d);
    fill_bytes(&s.final_hash, sizeof s.final_hash, d);
    s.applied_height = some_u64(d);
    s.map_from = s.final_view + 1 + dice_u64(d) % (UINT64_MAX - s.final_view);
    s.map_views = dice_below(d, CORE_STATUS_VIEWS + 1);
    for (uint32_t i = 0; i < s.map_views; i++)
        s.map[i / 4] |= (uint8_t)(dice_below(d, 4) << i % 4 * 2);
    if (dice_below(d, 2) == 0)
        s.held = some_vote(d, some_vote_kind(d));
    msg_status_encode(w, &s, some_u64(d));
}

static bool status_again(struct writer *w, struct bytes in, const void *what)
{
    struct core_status s;
    uint64_t epoch;

    (void)what;
    if (msg_status_decode(&s, &epoch, in) != ERR_NONE)
        return false;
    for (uint32_t i = s.map_views; i < CORE_STATUS_VIEWS; i++)
        assert_int_equal(s.map[i / 4] >> i % 4 * 2 & 3, 0);
    msg_status_encode(w, &s, epoch);
    return true;
}

static void block_make(struct writer *w, struct dice *d, const void *what)
{
    uint8_t header[HEADER_BYTES_MAX];
    const struct bytes h = some_bytes(d, sizeof header);

    (void)what;
    if (h.size > 0)
        memcpy(header, h.at, h.size);
    msg_block_encode(w, bytes_of(header, h.size), some_bytes(d, 3000));
}

static bool block_again(struct writer *w, struct bytes in, const void *what)
{
    struct bytes header;
    struct bytes body;

    (void)what;
    if (msg_block_decode(&header, &body, in) != ERR_NONE)
        return false;
    msg_block_encode(w, header, body);
    return true;
}

static void sync_make(struct writer *w, struct dice *d, const void *what)
{
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t cert[CERT_BYTES_MAX];
    struct writer c = writer_of(cert, sizeof cert);
    const struct bytes h = some_bytes(d, sizeof header);

    (void)what;
    if (h.size > 0)
        memcpy(header, h.at, h.size);
    cert_make(&c, d, NULL);
    msg_sync_block_encode(
        w, bytes_of(header, h.size), writer_bytes(&c), some_bytes(d, 3000));
}

static bool sync_again(struct writer *w, struct bytes in, const void *what)
{
    static struct cert cert;
    uint8_t buf[CERT_BYTES_MAX];
    struct writer c = writer_of(buf, sizeof buf);
    struct bytes header;
    struct bytes body;

    (void)what;
    if (msg_sync_block_decode(&header, &cert, &body, in) != ERR_NONE)
        return false;
    cert_encode(&c, &cert);
    msg_sync_block_encode(w, header, writer_bytes(&c), body);
    return true;
}

static void birth_make(struct writer *w, struct dice *d, const void *what)
{
    struct pubkey key;

    (void)what;
    fill_bytes(&key, sizeof key, d);
    record_birth_encode(w, &key, some_u64(d));
}

static bool birth_again(struct writer *w, struct bytes in, const void *what)
{
    struct pubkey key;
    uint64_t epoch;

    (void)what;
    if (record_birth_decode(&key, &epoch, in) != ERR_NONE)
        return false;
    record_birth_encode(w, &key, epoch);
    return true;
}

static void checkpoint_make(struct writer *w, struct dice *d, const void *what)
{
    struct record_checkpoint r = {.view = some_u64(d)};

    (void)what;
    r.view += r.view == 0;
    r.base = dice_u64(d) % r.view;
    r.nullified_from = 1 + dice_u64(d) % (r.base + 1);
    record_checkpoint_encode(w, &r);
}

static bool checkpoint_again(struct writer *w,
                             struct bytes in,
                             const void *what)
{
    struct record_checkpoint r;

    (void)what;
    if (record_checkpoint_decode(&r, in) != ERR_NONE)
        return false;
    record_checkpoint_encode(w, &r);
    return true;
}

static void hello_make(struct writer *w, struct dice *d, const void *what)
{
    struct hello h = {.protocol = (uint16_t)dice_u64(d)};
    const uint32_t size = dice_below(d, HELLO_SOFTWARE_MAX + 1);

    (void)what;
    for (uint32_t i = 0; i < size; i++)
        h.software[i] = (char)(' ' + dice_below(d, '~' - ' ' + 1));
    fill_bytes(&h.chain_id, sizeof h.chain_id, d);
    h.epoch = some_u64(d);
    h.role = (uint8_t)dice_below(d, 2);
    fill_bytes(&h.key, sizeof h.key, d);
    h.channel = (uint8_t)dice_below(d, 2);
    h.dialer = (uint8_t)dice_below(d, 2);
    fill_bytes(&h.sig, sizeof h.sig, d);
    hello_encode(w, &h);
}

static bool hello_again(struct writer *w, struct bytes in, const void *what)
{
    struct hello h;

    (void)what;
    if (hello_decode(&h, in) != ERR_NONE)
        return false;
    hello_encode(w, &h);
    return true;
}

/* Principals of an envelope, some of them equal before they are sorted out. */
static void some_principals(struct tx *t, struct dice *d)
{
    const uint32_t wanted =
        1 + dice_below(d, dice_below(d, 8) == 0 ? TX_PRINCIPALS_MAX : 4);
    uint32_t kept = 1;

    for (uint32_t i = 0; i < wanted; i++) {
        struct principal *p = &t->principals[i];

        p->kind = (uint8_t)(1 + dice_below(d, 2));
        if (p->kind == PRINCIPAL_INSTITUTION)
            p->id = institution_id((uint16_t)(1 + dice_below(d, UINT16_MAX)));
        else
            fill_bytes(&p->id, sizeof p->id, d);
    }
    t->principal_count = wanted;
    tx_sort_principals(t);
    for (uint32_t i = 1; i < wanted; i++) {
        if (principal_cmp(&t->principals[kept - 1], &t->principals[i]) != 0)
            t->principals[kept++] = t->principals[i];
    }
    t->principal_count = kept;
}

static void tx_make(struct writer *w, struct dice *d, const void *what)
{
    static uint8_t ops[TX_OPS_MAX][512];
    static struct tx t;

    (void)what;
    memset(&t, 0, sizeof t);
    fill_bytes(&t.chain_id, sizeof t.chain_id, d);
    fill_bytes(t.reference.serial, sizeof t.reference.serial, d);
    fill_bytes(t.salt, sizeof t.salt, d);
    t.institution = (uint16_t)dice_u64(d);
    t.reference.day = (uint32_t)some_u64(d);
    t.valid_until = (uint32_t)some_u64(d);
    some_principals(&t, d);
    t.op_count = 1 + dice_below(d, dice_below(d, 8) == 0 ? TX_OPS_MAX : 3);
    for (uint32_t i = 0; i < t.op_count; i++) {
        const uint32_t size = 1 + dice_below(d, sizeof ops[0]);

        fill_bytes(ops[i], size, d);
        t.ops[i] = bytes_of(ops[i], size);
    }
    t.sig_count = dice_below(d, dice_below(d, 8) == 0 ? TX_SIGS_MAX + 1 : 5);
    for (uint32_t i = 0; i < t.sig_count; i++) {
        t.sigs[i].principal = (uint8_t)dice_below(d, t.principal_count);
        t.sigs[i].key_type = (uint8_t)dice_u64(d);
        fill_bytes(&t.sigs[i].key, sizeof t.sigs[i].key, d);
        fill_bytes(&t.sigs[i].sig, sizeof t.sigs[i].sig, d);
    }
    tx_sort_sigs(&t);
    tx_encode(w, &t);
}

static bool tx_again(struct writer *w, struct bytes in, const void *what)
{
    static struct tx t;

    (void)what;
    if (tx_decode(&t, in) != ERR_NONE)
        return false;
    assert_true(bytes_eq(t.full_bytes, in));
    for (uint32_t i = 1; i < t.principal_count; i++)
        assert_true(principal_cmp(&t.principals[i - 1], &t.principals[i]) < 0);
    tx_encode(w, &t);
    return true;
}

static void body_make(struct writer *w, struct dice *d, const void *what)
{
    const uint32_t count = dice_below(d, 6);

    (void)what;
    writer_u32(w, count);
    for (uint32_t i = 0; i < count; i++) {
        struct bytes tx = some_bytes(d, 500);

        writer_vec(w, tx.size == 0 ? bytes_of("x", 1) : tx);
    }
}

static bool body_again(struct writer *w, struct bytes in, const void *what)
{
    static struct body b;
    size_t sum = 0;

    (void)what;
    if (body_split(&b, in) != ERR_NONE)
        return false;
    writer_u32(w, b.count);
    for (uint32_t i = 0; i < b.count; i++) {
        writer_vec(w, b.txs[i]);
        sum += b.txs[i].size;
    }
    assert_int_equal(body_bytes_of(b.count, sum), in.size);
    return true;
}

static void test_chain_messages_and_records(void **x)
{
    static const struct codec codecs[] = {
        {"header", header_make, header_again, NULL},
        {"body", body_make, body_again, NULL},
        {"transaction", tx_make, tx_again, NULL},
        {"vote", vote_make, vote_again, NULL},
        {"certificate", cert_make, cert_again, NULL},
        {"proposal", proposal_make, proposal_again, NULL},
        {"status", status_make, status_again, NULL},
        {"block", block_make, block_again, NULL},
        {"sync block", sync_make, sync_again, NULL},
        {"birth", birth_make, birth_again, NULL},
        {"checkpoint", checkpoint_make, checkpoint_again, NULL},
        {"hello", hello_make, hello_again, NULL},
    };

    (void)x;
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
        check_codec(&codecs[i], 3 * ROUNDS);
}

/* text is compact JSON. */
static void check_jtext(const struct schema *s,
                        const void *record,
                        const char *text)
{
    char why[160] = "";
    char *out = NULL;
    size_t size = 0;
    struct jtext j = {.out = open_memstream(&out, &size)};
    json_t *json;
    char *again;

    assert_non_null(j.out);
    jtext_record(&j, NULL, s, record);
    assert_int_equal(fclose(j.out), 0);
    json = json_parse(bytes_of(out, size), why, sizeof why);
    if (json == NULL)
        fail_msg("%s: %s in %.200s", s->name, why, out);
    again = json_dumps(json, JSON_COMPACT);
    if (strcmp(again, text) != 0)
        fail_msg("%s: %.200s is not %.200s", s->name, again, text);
    json_decref(json);
    free(again);
    free(out);
}

/* Through JSON text, as a client sends it. */
static void check_json(const struct schema *s, struct dice *d)
{
    static uint8_t before[BYTES_MAX];
    static uint8_t after[BYTES_MAX];
    struct writer b = writer_of(before, sizeof before);
    struct writer a = writer_of(after, sizeof after);
    void *record = new_record(s);
    char path[JSON_PATH_MAX];
    char why[160] = "";
    json_t *json;
    char *text;

    fill(record, s, d);
    schema_encode(&b, s, record);
    json = schema_to_json(s, record);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    check_jtext(s, record, text);
    json = json_parse(bytes_of(text, strlen(text)), why, sizeof why);
    if (json == NULL)
        fail_msg("%s: %s in %.200s", s->name, why, text);
    if (schema_from_json(record, s, json, path) != ERR_NONE)
        fail_msg("%s: %s", s->name, path);
    schema_encode(&a, s, record);
    if (!bytes_eq(writer_bytes(&a), writer_bytes(&b)))
        fail_msg("%s: other bytes from %.200s", s->name, text);
    json_decref(json);
    free(text);
    free(record);
}

static void test_json_says_it_all(void **x)
{
    struct dice d = {seed ^ 0x150};

    (void)x;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < op_table_count; i++)
            check_json(op_table[i]->schema, &d);
        for (uint8_t t = 0; t < TABLE_SLOTS; t++) {
            if (row_schema(t) != NULL)
                check_json(row_schema(t), &d);
        }
        check_json(&event_schema, &d);
        check_json(&header_schema, &d);
        check_json(&genesis_schema, &d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation),
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_every_event_kind),
        cmocka_unit_test(test_every_other_record),
        cmocka_unit_test(test_chain_messages_and_records),
        cmocka_unit_test(test_json_says_it_all),
    };

    if (!dice_seed(&seed))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
