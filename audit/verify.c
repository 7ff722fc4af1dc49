/* Anchor, changes of validators, certificates: who vouches for the block that a
 * receipt is about. */
#include "audit/verify.h"

#include "audit/check.h"
#include "ledger/ledger.h"

static const char *const fault_names[FAULTS] = {
#define FAULT_NAME(id, name, text) name,
    FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
};
static const char *const fault_texts[FAULTS] = {
#define FAULT_TEXT(id, name, text) text,
    FAULT_LIST(FAULT_TEXT)
#undef FAULT_TEXT
};

/* The end of the year 9999, after which there are no dates, by any offset. */
static const uint64_t TIME_MS_MAX = 253402300799999;

const char *fault_name(enum receipt_fault f)
{
    return f < FAULTS ? fault_names[f] : "unknown";
}

const char *fault_text(enum receipt_fault f)
{
    return f < FAULTS ? fault_texts[f] : "unknown";
}

bool check_fail(struct check *c, enum receipt_fault f, const char *where)
{
    c->f->outcome =
        f == FAULT_OUT_OF_REACH ? RECEIPT_OUT_OF_REACH : RECEIPT_REFUTED;
    c->f->fault = f;
    c->f->where = where;
    return false;
}

bool check_header(struct check *c,
                  struct header *h,
                  struct hash *hash,
                  struct bytes in,
                  const char *where)
{
    const struct hash *known;

    if (header_decode(h, in) != ERR_NONE || (h->flags & ~HEADER_SEAL) != 0 ||
        h->header_log_size != h->height ||
        h->time_ms > TIME_MS_MAX - c->t->offset_ms ||
        ((h->flags & HEADER_SEAL) == 0 &&
         !hash_eq(&h->validators_hash, &h->next_validators_hash)))
        return check_fail(c, FAULT_HEADER, where);
    if (!hash_eq(&h->chain_id, &c->t->chain_id))
        return check_fail(c, FAULT_CHAIN, where);
    *hash = header_hash(h);
    known = trust_hash_at(c->t, h->height);
    if (known != NULL && !hash_eq(known, hash))
        return check_fail(c, FAULT_ANCHOR, where);
    return true;
}

static bool seals(const struct header *h)
{
    return (h->flags & HEADER_SEAL) != 0;
}

/* Whether the set is the one that the header before it names. */
static bool check_set(struct check *c,
                      const struct valset *set,
                      const struct header *h,
                      struct hash *set_hash,
                      const char *where)
{
    if (seals(h) ? set->epoch == 0 || set->epoch - 1 != h->epoch
                 : set->epoch != h->epoch)
        return check_fail(c, FAULT_SET, where);
    *set_hash = valset_hash(set);
    if (!hash_eq(set_hash, &h->next_validators_hash) ||
        valset_check(set) != ERR_NONE)
        return check_fail(c, FAULT_SET, where);
    return true;
}

static bool check_anchor(struct check *c)
{
    const struct receipt_anchor *a = &c->r->anchor;
    struct header h;
    struct hash hash;

    if (!check_header(c, &h, &hash, a->header, "anchor"))
        return false;
    if ((a->kind == ANCHOR_GENESIS) != (h.height == 0))
        return check_fail(c, FAULT_HEIGHT, "anchor");
    if (trust_hash_at(c->t, h.height) == NULL)
        return check_fail(c, FAULT_OUT_OF_REACH, "anchor");
    if (!check_set(c, &a->set, &h, &c->set_hash, "anchor"))
        return false;
    c->set = a->set;
    if (h.height == 0 && c->t->validators) {
        const struct hash said = valset_hash(&c->t->set);

        if (!hash_eq(&said, &c->set_hash))
            return check_fail(c, FAULT_ANCHOR, "anchor");
    }
    c->height = h.height;
    c->f->anchor_kind = a->kind;
    c->f->anchor_height = h.height;
    c->f->anchor_hash = hash;
    return true;
}

/* Whether the header is of this set. */
static bool of_set(const struct header *h,
                   const struct valset *set,
                   const struct hash *set_hash)
{
    return h->epoch == set->epoch && hash_eq(&h->validators_hash, set_hash);
}

/* Reads a certificate and looks that it is of this block, without its
 * signatures. */
static bool read_cert(struct check *c,
                      struct cert *cert,
                      struct bytes in,
                      const struct header *h,
                      const struct hash *hash,
                      const char *where)
{
    struct reader r = reader_of(in);

    cert_read(&r, cert);
    if (reader_finish(&r) != ERR_NONE || cert->kind != VOTE_FINALIZE ||
        cert->epoch != h->epoch || cert->about.height != h->height ||
        cert->about.view < h->view || !hash_eq(&cert->about.block, hash))
        return check_fail(c, FAULT_CERT, where);
    return true;
}

static bool check_signatures(struct check *c,
                             const struct cert *cert,
                             const struct valset *set,
                             const struct hash *set_hash,
                             const char *where)
{
    const struct vote_domain d = {c->t->chain_id, *set_hash, set};
    const enum err e = cert_check(cert, &d);

    if (e == ERR_NONE)
        return true;
    return check_fail(c,
                      e == ERR_RANGE    ? FAULT_SIGNER
                      : e == ERR_QUORUM ? FAULT_QUORUM
                      : e == ERR_CHAIN  ? FAULT_CERT
                                        : FAULT_SIGNATURE,
                      where);
}

/* E11 clients follow ends: from a set that is trusted to the next one. */
static bool check_epoch(struct check *c, const struct receipt_epoch *e)
{
    struct header h;
    struct hash hash;
    struct cert cert;
    struct hash next_hash;

    if (!check_header(c, &h, &hash, e->block.header, "epochs"))
        return false;
    if (h.height <= c->height)
        return check_fail(c, FAULT_HEIGHT, "epochs");
    if (!of_set(&h, &c->set, &c->set_hash))
        return check_fail(c, FAULT_EPOCH, "epochs");
    if (!seals(&h))
        return check_fail(c, FAULT_SEAL, "epochs");
    if (!read_cert(c, &cert, e->block.cert, &h, &hash, "epochs") ||
        !check_set(c, &e->next, &h, &next_hash, "epochs"))
        return false;
    c->before = c->set;
    c->before_hash = c->set_hash;
    c->seal = hash;
    c->set = e->next;
    c->set_hash = next_hash;
    c->height = h.height;
    c->f->changes++;
    return true;
}

static bool check_epochs(struct check *c)
{
    struct reader r = receipt_items(&c->r->epochs);
    struct receipt_epoch e;

    while (receipt_next_epoch(&r, &e)) {
        if (!check_epoch(c, &e))
            return false;
    }
    return reader_finish(&r) == ERR_NONE ||
           check_fail(c, FAULT_MALFORMED, "epochs");
}

/* The set by which the block must be certified: that in force, or the one
 * before for a block that is the last change itself. */
static bool take_block(struct check *c,
                       struct certified_block *out,
                       struct cert *cert,
                       const struct receipt_block *b,
                       const char *where)
{
    if (!check_header(c, &out->header, &out->hash, b->header, where))
        return false;
    if (!hash_is_zero(&c->seal) && hash_eq(&c->seal, &out->hash) &&
        (c->r->parts & RECEIPT_AS_OF) != 0) {
        out->set = c->before;
    } else {
        if (out->header.height <= c->height)
            return check_fail(c, FAULT_HEIGHT, where);
        if (!of_set(&out->header, &c->set, &c->set_hash))
            return check_fail(c, FAULT_EPOCH, where);
        out->set = c->set;
    }
    c->height = out->header.height;
    if (!read_cert(c, cert, b->cert, &out->header, &out->hash, where))
        return false;
    out->view = cert->about.view;
    out->bitmap = cert->bitmap;
    out->signers = (uint32_t)__builtin_popcount(cert->bitmap);
    return true;
}

static bool check_as_of(struct check *c, struct cert *cert)
{
    struct receipt_facts *f = c->f;
    const struct header *h = &f->certified.header;
    const struct header *next = &f->successor.header;
    uint32_t next_date;

    if (!take_block(c, &f->successor, cert, &c->r->successor, "as_of"))
        return false;
    /* A block that closes its epoch is the last of the epochs, so that its
     * successor's set is in force. */
    if (next->epoch != h->epoch + (seals(h) ? 1 : 0))
        return check_fail(c, FAULT_EPOCH, "as_of");
    next_date = ledger_date(next->time_ms, c->t->offset_ms);
    if (next->height != h->height + 1 ||
        !hash_eq(&next->parent_hash, &f->certified.hash) ||
        next->time_ms <= h->time_ms || next_date <= f->date)
        return check_fail(c, FAULT_AS_OF, "as_of");
    f->date_to = next_date - 1;
    return true;
}

static bool check_link(struct check *c)
{
    struct receipt_facts *f = c->f;
    const struct header *h = &f->certified.header;

    if (!check_header(c, &f->block, &f->block_hash, c->r->link_header, "link"))
        return false;
    if (f->block.height >= h->height ||
        mtree_check(&h->header_log_root,
                    h->header_log_size,
                    f->block.height,
                    &f->block_hash,
                    c->r->link_path.steps,
                    c->r->link_path.count) != ERR_NONE)
        return check_fail(c, FAULT_LINK, "link");
    return true;
}

static bool check_validators(struct check *c)
{
    struct hash ignored;

    if (!seals(&c->f->block))
        return check_fail(c, FAULT_SEAL, "block");
    return check_set(
        c, &c->r->of.validators, &c->f->block, &ignored, "statement");
}

static bool check_statement(struct check *c)
{
    switch ((enum receipt_kind)c->r->kind) {
    case RECEIPT_TRANSACTION:
        return check_transaction(c);
    case RECEIPT_HOLDING:
    case RECEIPT_ABSENCE:
    case RECEIPT_UNENCUMBERED:
        return check_position(c, &c->r->of.position) && check_position_kind(c);
    case RECEIPT_REGISTER:
        return check_register(c);
    case RECEIPT_STATEMENT:
        return check_account_statement(c);
    case RECEIPT_CONSISTENCY:
        return check_consistency(c);
    case RECEIPT_VALIDATORS:
        return check_validators(c);
    case RECEIPT_KINDS:
        break;
    }
    return check_fail(c, FAULT_MALFORMED, "front");
}

static bool check_identity(struct check *c)
{
    const struct hash h = identity_commitment(&c->f->account, &c->r->identity);

    return hash_eq(&h, &c->f->account_row.identity) ||
           check_fail(c, FAULT_IDENTITY, "disclosure");
}

/* All signatures, last because they cost most. */
static bool check_certificates(struct check *c,
                               const struct cert *block,
                               const struct cert *successor)
{
    struct reader r = receipt_items(&c->r->epochs);
    struct valset set = c->r->anchor.set;
    struct hash hash = valset_hash(&set);
    struct receipt_epoch e;

    while (receipt_next_epoch(&r, &e)) {
        struct reader bytes = reader_of(e.block.cert);
        struct cert cert;

        cert_read(&bytes, &cert);
        if (!check_signatures(c, &cert, &set, &hash, "epochs"))
            return false;
        set = e.next;
        hash = valset_hash(&set);
    }
    hash = valset_hash(&c->f->certified.set);
    if (!check_signatures(c, block, &c->f->certified.set, &hash, "block"))
        return false;
    if ((c->r->parts & RECEIPT_AS_OF) == 0)
        return true;
    hash = valset_hash(&c->f->successor.set);
    return check_signatures(c, successor, &c->f->successor.set, &hash, "as_of");
}

static bool check_all(struct check *c)
{
    struct receipt_facts *f = c->f;
    struct cert block;
    struct cert successor;

    if (!receipt_parts_ok(c->r->kind, c->r->parts))
        return check_fail(c, FAULT_MALFORMED, "front");
    if (!hash_eq(&c->r->chain_id, &c->t->chain_id))
        return check_fail(c, FAULT_CHAIN, "front");
    if (!check_anchor(c) || !check_epochs(c) ||
        !take_block(c, &f->certified, &block, &c->r->block, "block"))
        return false;
    f->block = f->certified.header;
    f->block_hash = f->certified.hash;
    if ((c->r->parts & RECEIPT_LINK) != 0 && !check_link(c))
        return false;
    f->date = ledger_date(f->block.time_ms, c->t->offset_ms);
    if ((c->r->parts & RECEIPT_AS_OF) != 0 && !check_as_of(c, &successor))
        return false;
    if (!check_statement(c))
        return false;
    if ((c->r->parts & RECEIPT_DISCLOSURE) != 0 && !check_identity(c))
        return false;
    return check_certificates(c, &block, &successor);
}

void receipt_verify(struct receipt_facts *out,
                    const struct receipt *r,
                    const struct trust *t)
{
    struct check c = {.r = r, .t = t, .f = out};

    out->outcome = RECEIPT_PROVEN;
    out->fault = FAULT_NONE;
    out->where = "";
    out->kind = r->kind;
    out->parts = r->parts;
    out->chain_id = r->chain_id;
    out->offset_ms = t->offset_ms;
    out->changes = 0;
    (void)check_all(&c);
}

void receipt_check(struct receipt_facts *out,
                   struct receipt *r,
                   struct bytes in,
                   const struct trust *t)
{
    struct check c = {.r = r, .t = t, .f = out};
    const char *where;
    const enum err e = receipt_decode(r, &where, in);

    if (e == ERR_NONE)
        receipt_verify(out, r, t);
    else
        (void)check_fail(&c,
                         e == ERR_VERSION   ? FAULT_NOT_A_RECEIPT
                         : e == ERR_CORRUPT ? FAULT_DIGEST
                                            : FAULT_MALFORMED,
                         where);
}
