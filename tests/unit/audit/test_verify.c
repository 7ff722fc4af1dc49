/* Who vouches: anchors, epochs, certificates; flips and foreign sections. */
#include "tests/unit/audit/tamper.h"

static void test_verify_proves_every_receipt_of_the_story(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++)
        expect_proven(story->list[i].receipt);
}

/* Each byte is changed, once as it is and once under the right digest. */
static void test_verify_byte_flipped_anywhere_is_refused(void **state)
{
    uint32_t dice = 1;

    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);

        for (size_t k = 0; k < b.size; k++) {
            const uint8_t was = b.at[k];
            uint8_t digest[HASH_BYTES];

            memcpy(digest, b.at + b.size - HASH_BYTES, HASH_BYTES);
            dice = dice * 1664525 + 1013904223;
            b.at[k] ^= (uint8_t)(1 + (dice >> 24) % 255);
            assert_int_not_equal(outcome_of(b.at, b.size), RECEIPT_PROVEN);
            if (k < b.size - HASH_BYTES) {
                fix_digest(b.at, b.size);
                assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
                assert_int_not_equal(facts.fault, FAULT_NONE);
            }
            b.at[k] = was;
            memcpy(b.at + b.size - HASH_BYTES, digest, HASH_BYTES);
        }
        buf_deinit(&b);
    }
}

static void replace_section(struct buf *out,
                            const struct buf *a,
                            const size_t *at,
                            uint32_t which,
                            struct bytes by)
{
    buf_append(out, a->at, at[which]);
    buf_append(out, by.at, by.size);
    buf_append(out, a->at + at[which + 1], a->size - at[which + 1]);
    fix_digest(out->at, out->size);
}

static bool is_of_story(const struct buf *c)
{
    bool found = false;

    for (uint32_t i = 0; i < story->count && !found; i++) {
        struct buf b = encoded(story->list[i].receipt);

        found = bytes_eq(buf_bytes(&b), buf_bytes(c));
        buf_deinit(&b);
    }
    return found;
}

/* Every section of one receipt in the place of every section of another. */
static uint32_t splice(const struct buf *a, const struct buf *b)
{
    static struct receipt again;
    size_t at[16];
    size_t bt[16];
    const uint32_t count = sections_of(at, a);
    const uint32_t others = sections_of(bt, b);
    struct trust t = story->trust;
    uint32_t tried = 0;

    /* Only the receipt's own anchor: from another it would be another, good
     * receipt. */
    if (a->at[at[0] + 5] == ANCHOR_GENESIS)
        t.pin_count = 0;
    else
        t.genesis = false;
    for (uint32_t s = 0; s < count * others; s++) {
        const uint32_t mine = s % count;
        const uint32_t n = s / count;
        const struct bytes by = bytes_of(b->at + bt[n], bt[n + 1] - bt[n]);
        struct buf c = {0};

        replace_section(&c, a, at, mine, by);
        if (!is_of_story(&c)) {
            receipt_check(&facts, &again, buf_bytes(&c), &t);
            assert_int_not_equal(facts.outcome, RECEIPT_PROVEN);
            tried++;
        }
        buf_deinit(&c);
    }
    return tried;
}

static void test_verify_section_of_another_receipt_is_refused(void **state)
{
    uint32_t tried = 0;

    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf a = encoded(story->list[i].receipt);

        for (uint32_t k = 0; k < story->count; k++) {
            struct buf b = encoded(story->list[k].receipt);

            tried += splice(&a, &b);
            buf_deinit(&b);
        }
        buf_deinit(&a);
    }
    assert_true(tried > 5000);
}

/* The kind of a receipt cannot be changed in front alone. */
static void test_verify_kind_changed_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < story->count; i++) {
        struct buf b = encoded(story->list[i].receipt);
        const uint8_t was = b.at[8];

        for (uint32_t kind = 0; kind < 256; kind++) {
            b.at[8] = (uint8_t)kind;
            fix_digest(b.at, b.size);
            if (kind != was)
                assert_int_equal(outcome_of(b.at, b.size), RECEIPT_REFUTED);
        }
        buf_deinit(&b);
    }
}

/* ---- trust ---- */

static void test_verify_receipt_of_another_chain_is_refused(void **state)
{
    struct trust other = story->trust;
    struct receipt *r;

    (void)state;
    other.chain_id.raw[0] ^= 1;
    verify(story_find(story, "holding"), &other);
    assert_int_equal(facts.outcome, RECEIPT_REFUTED);
    assert_string_equal(fault_name(facts.fault), "chain");
    r = take("holding"); /* says it is of another chain */
    r->chain_id.raw[0] ^= 1;
    expect_fault(r, "chain");
    r = take("holding"); /* and so does its block */
    {
        struct header h = rig()->blocks[story->later].header;

        h.chain_id.raw[0] ^= 1;
        r->block.header = rig_header_bytes(rig(), &h);
    }
    expect_fault(r, "chain");
}

static void test_verify_anchor_the_trust_file_does_not_name_is_out_of_reach(
    void **state)
{
    struct trust t = rig_trust(rig(), 0);

    (void)state;
    verify(story_find(story, "holding-pinned"), &t);
    assert_int_equal(facts.outcome, RECEIPT_OUT_OF_REACH);
    assert_string_equal(fault_name(facts.fault), "out_of_reach");
    t = rig_trust(rig(), story->traded);
    t.genesis = false;
    verify(story_find(story, "holding"), &t);
    assert_int_equal(facts.outcome, RECEIPT_OUT_OF_REACH);
    verify(story_find(story, "holding-pinned"), &t);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
}

static void test_verify_anchor_that_is_another_block_is_refused(void **state)
{
    struct trust t = rig_trust(rig(), story->traded);

    (void)state;
    t.pins[0].hash.raw[5] ^= 1;
    verify(story_find(story, "holding-pinned"), &t);
    assert_string_equal(fault_name(facts.fault), "anchor");
    t = rig_trust(rig(), 0);
    t.genesis_hash.raw[5] ^= 1;
    verify(story_find(story, "holding"), &t);
    assert_string_equal(fault_name(facts.fault), "anchor");
    t = rig_trust(rig(), 0); /* another set than block 0 names */
    t.set.list[0].institution++;
    verify(story_find(story, "holding"), &t);
    assert_string_equal(fault_name(facts.fault), "anchor");
    assert_int_equal(facts.outcome, RECEIPT_REFUTED);
}

/* Wherever a block of a pinned height turns up, it must be that one. */
static void test_verify_any_block_at_a_pinned_height_is_compared(void **state)
{
    static const char *const names[] = {"holding",
                                        "holding-as-of",
                                        "transaction",
                                        "transaction-linked",
                                        "statement-between",
                                        "consistency",
                                        "validators-second"};
    const uint64_t heights[] = {story->first_seal,     /* an epoch */
                                story->first_seal + 1, /* the successor */
                                story->traded,         /* the block */
                                story->traded - 1,     /* the older block */
                                story->traded,         /* the earlier block */
                                story->traded,
                                story->first_seal};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct trust t = rig_trust(rig(), heights[i]);

        verify(story_find(story, names[i]), &t);
        assert_int_equal(facts.outcome, RECEIPT_PROVEN);
        t.pins[0].hash.raw[31] ^= 1;
        verify(story_find(story, names[i]), &t);
        assert_string_equal(fault_name(facts.fault), "anchor");
    }
}

static void test_verify_anchor_kinds_are_not_mixed(void **state)
{
    struct receipt *r = take("holding");

    (void)state;
    r->anchor.kind = ANCHOR_PINNED;
    expect_fault(r, "height");
    r = take("holding-pinned");
    r->anchor.kind = ANCHOR_GENESIS;
    expect_fault(r, "height");
}

/* Trust may begin at the last block of an epoch: what follows is the next. */
static void test_verify_anchor_that_closes_its_epoch_hands_over(void **state)
{
    struct trust t = rig_trust(rig(), story->first_seal);
    struct receipt *r = take("holding");

    (void)state;
    t.genesis = false;
    rig_frame(rig(), r, RECEIPT_HOLDING, story->later, story->first_seal);
    rig_position(rig(), r, story->later, "100001", 'A');
    assert_int_equal(r->epochs.count, 0);
    verify(r, &t);
    assert_string_equal(fault_name(facts.fault), "none");
    r->anchor.set = rig()->sets[0]; /* the set that it was itself signed by */
    verify(r, &t);
    assert_string_equal(fault_name(facts.fault), "set");
}

static void test_verify_set_that_the_anchor_does_not_name_is_refused(
    void **state)
{
    static const uint8_t others[] = {1, 2, 3, 7};
    struct receipt *r = take("transaction");

    (void)state;
    r->anchor.set = rig_set(0, others, sizeof others);
    expect_fault(r, "set");
    r = take("transaction");
    r->anchor.set.epoch = 1;
    expect_fault(r, "set");
}

/* ---- epochs ---- */

static void epochs_but(struct receipt *r,
                       uint32_t without,
                       bool twice,
                       bool reversed)
{
    struct reader in = receipt_items(&r->epochs);
    struct receipt_list list = {0};
    struct buf bytes = {0};
    struct receipt_epoch e[8];
    uint32_t count = 0;

    while (receipt_next_epoch(&in, &e[count]))
        count++;
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t i = reversed ? count - 1 - k : k;

        if (i == without)
            continue;
        receipt_add_epoch(&list, &bytes, &e[i]);
        if (twice)
            receipt_add_epoch(&list, &bytes, &e[i]);
    }
    list.items = rig_keep(rig(), bytes.at, bytes.size);
    r->epochs = list;
    buf_deinit(&bytes);
}

static void test_verify_change_of_validators_skipped_is_refused(void **state)
{
    struct receipt *r = take("holding-pinned");

    (void)state;
    assert_int_equal(r->epochs.count, 2);
    epochs_but(r, 0, false, false);
    expect_fault(r, "epoch");
    r = take("holding-pinned");
    epochs_but(r, 1, false, false);
    expect_fault(r, "epoch");
    r = take("holding");
    epochs_but(r, 0, false, false);
    expect_fault(r, "epoch");
}

static void test_verify_change_of_validators_repeated_or_reordered_is_refused(
    void **state)
{
    struct receipt *r = take("holding-pinned");

    (void)state;
    epochs_but(r, 9, true, false);
    expect_fault(r, "height");
    r = take("holding-pinned");
    epochs_but(r, 9, false, true);
    expect_fault(r, "epoch");
}

/* A change that the block does not need is one too many. */
static void test_verify_surplus_change_of_validators_is_refused(void **state)
{
    struct receipt *r = take("holding");

    (void)state;
    r->epochs = story_find(story, "holding-pinned")->epochs;
    expect_fault(r, "height");
    r = take("validators");
    r->epochs = story_find(story, "holding")->epochs;
    expect_fault(r, "height");
}

/* One item of epochs, made anew. */
static void put_epoch(struct receipt *r, const struct receipt_epoch *e)
{
    struct receipt_list list = {0};
    struct buf bytes = {0};

    receipt_add_epoch(&list, &bytes, e);
    list.items = rig_keep(rig(), bytes.at, bytes.size);
    r->epochs = list;
    buf_deinit(&bytes);
}

static struct receipt_epoch first_epoch(const struct receipt *r)
{
    struct reader in = receipt_items(&r->epochs);
    struct receipt_epoch e;

    assert_true(receipt_next_epoch(&in, &e));
    return e;
}

/* E11 clients follow ends */
static void test_verify_next_set_that_was_not_named_is_refused(void **state)
{
    static const uint8_t others[] = {1, 2, 3, 4, 9};
    struct receipt *r = take("holding");
    struct receipt_epoch e = first_epoch(r);

    (void)state;
    e.next = rig_set(1, others, sizeof others);
    put_epoch(r, &e);
    expect_fault(r, "set");
}

static void test_verify_change_by_a_block_that_seals_nothing_is_refused(
    void **state)
{
    struct receipt *r = take("holding");
    struct receipt_epoch e = first_epoch(r);
    const struct rig_block *b = &rig()->blocks[story->first_seal - 1];

    (void)state;
    e.block = (struct receipt_block){b->header_bytes, b->cert};
    put_epoch(r, &e);
    expect_fault(r, "seal");
}

/* The old set hands over only if a quorum of it signed. */
static void test_verify_change_signed_by_too_few_is_refused(void **state)
{
    struct receipt *r = take("holding");
    struct receipt_epoch e = first_epoch(r);
    const struct header *h = &rig()->blocks[story->first_seal].header;

    (void)state;
    e.block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 3);
    put_epoch(r, &e);
    expect_fault(r, "quorum");
    e.block.cert = rig_cert_by(rig(), h, &rig()->sets[0], 7, 9);
    put_epoch(r, &e);
    expect_fault(r, "signature");
}

/* Validators of another epoch certify nothing here. */
static void test_verify_block_certified_by_another_epoch_is_refused(
    void **state)
{
    struct receipt *r = take("holding");
    const struct header *h = &rig()->blocks[story->later].header;
    struct header old;

    (void)state;
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 7);
    expect_fault(r,
                 "quorum"); /* three of four were one; of five they are not */
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[2], 15);
    expect_fault(r, "signature");
    old = *h; /* a header that claims to be of the old epoch */
    old.epoch = 0;
    old.validators_hash = valset_hash(&rig()->sets[0]);
    old.next_validators_hash = old.validators_hash;
    r->block.header = rig_header_bytes(rig(), &old);
    r->block.cert = rig_cert(rig(), &old, old.view, &rig()->sets[0], 7);
    expect_fault(r, "epoch");
}

/* ---- certificates ---- */

/* The certificate of a receipt's block, to be changed. */
static struct cert cert_of(const struct receipt *r)
{
    struct reader in = reader_of(r->block.cert);
    struct cert c;

    cert_read(&in, &c);
    assert_int_equal(reader_finish(&in), ERR_NONE);
    return c;
}

static void put_cert(struct receipt *r, const struct cert *c)
{
    uint8_t buf[CERT_BYTES_MAX + SIGNATURE_BYTES];
    struct writer w = writer_of(buf, sizeof buf);

    cert_encode(&w, c);
    r->block.cert = rig_keep(rig(), buf, w.size);
}

static void test_verify_duplicate_signer_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    struct cert c = cert_of(r);

    (void)state;
    c.sigs[1] = c.sigs[0]; /* one signature for two members */
    put_cert(r, &c);
    expect_fault(r, "signature");
    r = take("transaction");
    c = cert_of(r);
    c.sigs[3] = c.sigs[2]; /* more signatures than bits: no certificate */
    {
        uint8_t buf[CERT_BYTES_MAX];
        struct writer w = writer_of(buf, sizeof buf);

        cert_encode(&w, &c);
        buf[69] = 4; /* the count behind 65 bytes and the bitmap */
        writer_copy(&w, c.sigs[3].raw, SIGNATURE_BYTES);
        r->block.cert = rig_keep(rig(), buf, w.size);
    }
    expect_fault(r, "cert");
}

static void test_verify_foreign_signer_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    const struct header *h = &rig()->blocks[story->traded].header;

    (void)state;
    /* a bit that no member has */
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 3 | 1u << 6);
    expect_fault(r, "signer");
    /* a stranger in a member's place */
    r->block.cert = rig_cert_by(rig(), h, &rig()->sets[0], 7, 9);
    expect_fault(r, "signature");
}

static void test_verify_one_signature_short_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    const struct header *h = &rig()->blocks[story->traded].header;

    (void)state;
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 5);
    expect_fault(r, "quorum");
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 0);
    expect_fault(r, "quorum");
}

static void test_verify_bogus_signature_beside_a_quorum_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    const struct header *h = &rig()->blocks[story->traded].header;
    struct cert c;

    (void)state;
    /* all four signed: one more than a quorum is no certificate either */
    r->block.cert = rig_cert(rig(), h, h->view, &rig()->sets[0], 15);
    expect_fault(r, "quorum");
    c = cert_of(r);
    memset(&c.sigs[3], 0x55, sizeof c.sigs[3]);
    put_cert(r, &c);
    expect_fault(r, "quorum");
    r = take("transaction"); /* the last of a quorum */
    c = cert_of(r);
    c.sigs[2].raw[40] ^= 1;
    put_cert(r, &c);
    expect_fault(r, "signature");
}

/* (r, -s) is a valid ECDSA signature too; here each has one form. */
static void test_verify_signature_in_its_other_form_is_refused(void **state)
{
    static const uint8_t order[32] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
        0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    struct receipt *r = take("transaction");
    struct cert c = cert_of(r);
    int borrow = 0;

    (void)state;
    for (int i = 31; i >= 0; i--) {
        const int d = order[i] - c.sigs[0].raw[32 + i] - borrow;

        borrow = d < 0;
        c.sigs[0].raw[32 + i] = (uint8_t)(d & 0xff);
    }
    put_cert(r, &c);
    expect_fault(r, "signature");
}

static void test_verify_certificate_of_another_block_is_refused(void **state)
{
    struct receipt *r = take("transaction");
    struct cert c = cert_of(r);

    (void)state;
    r->block.cert = rig()->blocks[story->traded - 1].cert;
    expect_fault(r, "cert");
    c.about.height++;
    put_cert(r, &c);
    expect_fault(r, "cert");
    c = cert_of(take("transaction"));
    c.kind = VOTE_NOTARIZE; /* not final yet */
    put_cert(&tampered, &c);
    expect_fault(&tampered, "cert");
    c = cert_of(take("transaction"));
    c.epoch++;
    put_cert(&tampered, &c);
    expect_fault(&tampered, "cert");
    c = cert_of(take("transaction"));
    c.about.view = 1; /* before its first proposal */
    c.about.parent_view = 0;
    put_cert(&tampered, &c);
    expect_fault(&tampered, "cert");
}

static void test_verify_carried_block_is_proven_by_its_later_view(void **state)
{
    const struct receipt *r = story_find(story, "register");
    struct header h;

    (void)state;
    expect_proven(r);
    assert_int_equal(header_decode(&h, r->block.header), ERR_NONE);
    assert_true(facts.certified.view == h.view + 3);
}

static void test_verify_header_that_contradicts_itself_is_refused(void **state)
{
    static const struct {
        uint16_t flags;
        uint64_t log_size;
        uint64_t time_ms;
        bool other_next;
    } cases[] = {{2, 5, 0, false},
                 {0, 4, 0, false},
                 {0, 5, 253402300800000, false},
                 {0, 5, 0, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct receipt *r = take("transaction");
        struct header h = rig()->blocks[story->traded].header;

        assert_int_equal(h.height, 5);
        h.flags = cases[i].flags;
        h.header_log_size = cases[i].log_size;
        if (cases[i].time_ms != 0)
            h.time_ms = cases[i].time_ms;
        if (cases[i].other_next)
            h.next_validators_hash.raw[0] ^= 1;
        r->block.header = rig_header_bytes(rig(), &h);
        r->block.cert = rig_cert(rig(), &h, h.view, &rig()->sets[0], 7);
        expect_fault(r, "header");
    }
}

static void test_verify_block_before_the_anchor_is_refused(void **state)
{
    struct receipt *r = take("holding-pinned");

    (void)state;
    rig_frame(rig(), r, RECEIPT_TRANSACTION, story->traded - 1, story->traded);
    rig_transaction(rig(), r, story->traded - 1, 0);
    expect_fault(r, "height");
    rig_frame(rig(), r, RECEIPT_TRANSACTION, story->traded, story->traded);
    rig_transaction(rig(), r, story->traded, 0);
    expect_fault(r, "height");
}

/* ---- as of a date ---- */

static void test_verify_as_of_needs_the_next_block_of_a_later_date(void **state)
{
    struct receipt *r = take("holding-as-of");

    (void)state;
    expect_proven(r);
    assert_int_equal(facts.date, RIG_FIRST_DAY);
    assert_int_equal(facts.date_to, RIG_FIRST_DAY);
    /* of the same date */
    rig_frame(rig(), r, RECEIPT_HOLDING, story->traded - 1, 0);
    rig_as_of(rig(), r);
    rig_position(rig(), r, story->traded - 1, "100001", 'A');
    expect_fault(r, "as_of");
    /* of a later date, but not the next */
    r = take("register-as-of");
    rig_frame(rig(), r, RECEIPT_REGISTER, story->last - 2, 0);
    rig_as_of(rig(), r);
    rig_lines(rig(), r, story->last - 2, "100001");
    r->successor =
        (struct receipt_block){rig()->blocks[story->last].header_bytes,
                               rig()->blocks[story->last].cert};
    expect_fault(r, "as_of");
}

static void test_verify_as_of_successor_must_be_certified(void **state)
{
    struct receipt *r = take("register-as-of");
    const struct header *h = &rig()->blocks[story->last].header;
    struct header other;

    (void)state;
    r->successor.cert = rig_cert(rig(), h, h->view, &rig()->sets[2], 7);
    expect_fault(r, "quorum");
    r = take("register-as-of"); /* the child of another block */
    other = *h;
    other.parent_hash.raw[0] ^= 1;
    r->successor.header = rig_header_bytes(rig(), &other);
    r->successor.cert =
        rig_cert(rig(), &other, other.view, &rig()->sets[2], 0x17);
    expect_fault(r, "as_of");
    r = take("holding-as-of"); /* the change between the two left out */
    r->epochs = (struct receipt_list){0};
    expect_fault(r, "epoch");
}

static void test_verify_as_of_over_days_without_blocks_names_them_all(
    void **state)
{
    (void)state;
    expect_proven(story_find(story, "register-as-of"));
    assert_int_equal(facts.date, RIG_FIRST_DAY + 1);
    assert_int_equal(facts.date_to, RIG_FIRST_DAY + 3);
}

static void test_verify_business_dates_follow_the_offset(void **state)
{
    struct trust t = story->trust;

    (void)state;
    t.offset_ms = 23 * 3600000; /* 01:00 UTC is the next day then */
    verify(story_find(story, "holding"), &t);
    assert_int_equal(facts.outcome, RECEIPT_PROVEN);
    assert_int_equal(facts.date, RIG_FIRST_DAY + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_proves_every_receipt_of_the_story),
        cmocka_unit_test(test_verify_byte_flipped_anywhere_is_refused),
        cmocka_unit_test(test_verify_section_of_another_receipt_is_refused),
        cmocka_unit_test(test_verify_kind_changed_is_refused),
        cmocka_unit_test(test_verify_receipt_of_another_chain_is_refused),
        cmocka_unit_test(
            test_verify_anchor_the_trust_file_does_not_name_is_out_of_reach),
        cmocka_unit_test(test_verify_anchor_that_is_another_block_is_refused),
        cmocka_unit_test(test_verify_any_block_at_a_pinned_height_is_compared),
        cmocka_unit_test(test_verify_anchor_kinds_are_not_mixed),
        cmocka_unit_test(test_verify_anchor_that_closes_its_epoch_hands_over),
        cmocka_unit_test(
            test_verify_set_that_the_anchor_does_not_name_is_refused),
        cmocka_unit_test(test_verify_change_of_validators_skipped_is_refused),
        cmocka_unit_test(
            test_verify_change_of_validators_repeated_or_reordered_is_refused),
        cmocka_unit_test(test_verify_surplus_change_of_validators_is_refused),
        cmocka_unit_test(test_verify_next_set_that_was_not_named_is_refused),
        cmocka_unit_test(
            test_verify_change_by_a_block_that_seals_nothing_is_refused),
        cmocka_unit_test(test_verify_change_signed_by_too_few_is_refused),
        cmocka_unit_test(
            test_verify_block_certified_by_another_epoch_is_refused),
        cmocka_unit_test(test_verify_duplicate_signer_is_refused),
        cmocka_unit_test(test_verify_foreign_signer_is_refused),
        cmocka_unit_test(test_verify_one_signature_short_is_refused),
        cmocka_unit_test(
            test_verify_bogus_signature_beside_a_quorum_is_refused),
        cmocka_unit_test(test_verify_signature_in_its_other_form_is_refused),
        cmocka_unit_test(test_verify_certificate_of_another_block_is_refused),
        cmocka_unit_test(test_verify_carried_block_is_proven_by_its_later_view),
        cmocka_unit_test(test_verify_header_that_contradicts_itself_is_refused),
        cmocka_unit_test(test_verify_block_before_the_anchor_is_refused),
        cmocka_unit_test(
            test_verify_as_of_needs_the_next_block_of_a_later_date),
        cmocka_unit_test(test_verify_as_of_successor_must_be_certified),
        cmocka_unit_test(
            test_verify_as_of_over_days_without_blocks_names_them_all),
        cmocka_unit_test(test_verify_business_dates_follow_the_offset),
    };

    bad_program = "verify";
    return cmocka_run_group_tests(tests, setup, teardown);
}
