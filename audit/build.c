#include "audit/build.h"

#include "ledger/rows.h"

static const struct hash zero;

/* A row of a table that is one tree, with its path and its table's slot. */
static enum err take_row(struct receipt_row *out,
                         struct state *s,
                         uint8_t table,
                         const struct hash *key)
{
    const struct row_key k = {table, zero, *key};
    struct hash slots[TABLE_SLOTS];

    out->row = state_get(s, &k);
    if (out->row.size == 0)
        return ERR_NOT_FOUND;
    proof_tree(&out->path, s, &k);
    state_slot_roots(s, slots);
    proof_slot_path(out->slots, slots, table);
    return ERR_NONE;
}

enum err receipt_take_account(struct receipt_row *out,
                              struct state *s,
                              const struct hash *account)
{
    return take_row(out, s, TABLE_ACCOUNTS, account);
}

enum err receipt_take_security(struct receipt_security *out,
                               struct state *s,
                               const char *code)
{
    const struct hash key = security_key(code);

    TRY(take_row(&out->at, s, TABLE_SECURITIES, &key));
    for (uint8_t i = 0; i < 3; i++)
        out->roots[i] = state_tree_root(s, (uint8_t)(TABLE_HOLDINGS + i), &key);
    return ERR_NONE;
}

void receipt_take_holding(struct receipt_holding *out,
                          struct state *s,
                          const char *code,
                          const struct hash *account)
{
    const struct row_key k = {TABLE_HOLDINGS, security_key(code), *account};

    out->row = state_get(s, &k);
    proof_tree(&out->path, s, &k);
}

enum err receipt_take_position(struct receipt_position *out,
                               struct state *s,
                               const char *code,
                               const struct hash *account)
{
    out->account = *account;
    TRY(receipt_take_account(&out->account_row, s, account));
    TRY(receipt_take_security(&out->security, s, code));
    receipt_take_holding(&out->holding, s, code, account);
    return ERR_NONE;
}

struct lines {
    struct receipt_list *list;
    struct buf *bytes;
};

static bool add_line(void *ctx, const struct row_key *key, struct bytes row)
{
    const struct lines *l = ctx;
    const struct receipt_line line = {key->key, row};

    receipt_add_line(l->list, l->bytes, &line);
    return true;
}

void receipt_take_lines(struct receipt_list *lines,
                        struct buf *bytes,
                        struct state *s,
                        const char *code)
{
    const struct hash tree = security_key(code);
    struct lines l = {lines, bytes};

    lines->count = 0;
    state_each(s, TABLE_HOLDINGS, &tree, add_line, &l);
}

uint8_t receipt_kind_of(const struct receipt_position *p)
{
    struct holding_row h;

    return p->holding.row.size > 0 &&
                   schema_decode(&h, &holding_row_schema, p->holding.row) ==
                       ERR_NONE &&
                   h.held
               ? RECEIPT_HOLDING
               : RECEIPT_ABSENCE;
}

enum err receipt_follow(struct receipt_list *list,
                        struct buf *bytes,
                        struct hash *chain,
                        const struct hash *end,
                        const char *code,
                        const struct hash *account,
                        const struct receipt_event *events,
                        uint32_t event_count)
{
    const uint32_t count = list->count;
    const size_t size = bytes->size;
    struct hash h = *chain;
    enum err e = ERR_NONE;

    for (uint32_t i = 0; i < event_count && e == ERR_NONE; i++) {
        const struct receipt_event *x = &events[i];
        struct event event;

        e = schema_decode(&event, &event_schema, x->event);
        if (e == ERR_NONE && event_renews_holding(&event, code, account)) {
            h = event_chain(&h, x->salt, x->height, x->index, x->event);
            receipt_add_event(list, bytes, x);
        }
    }
    if (e == ERR_NONE && !hash_eq(&h, end))
        e = ERR_MISMATCH;
    if (e == ERR_NONE) {
        *chain = h;
        return ERR_NONE;
    }
    list->count = count;
    bytes->size = size;
    list->items = buf_bytes(bytes);
    return e == ERR_MISMATCH ? ERR_MISMATCH : ERR_RANGE;
}
