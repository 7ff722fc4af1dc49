#include "ledger/needs.h"
#include "ledger/view.h"

/* Rows named so far. */
struct row_list {
    struct row_key *keys;
    uint32_t count;
    uint32_t room;
};

static void add_row(struct row_list *l,
                    uint8_t table,
                    const struct hash *tree,
                    const struct hash *key)
{
    if (l->count < l->room)
        l->keys[l->count++] = (struct row_key){table, *tree, *key};
}

/* An account, and its holding in the security (NULL: none). */
static void add_side(struct row_list *l,
                     const struct hash *security,
                     const uint8_t *account)
{
    static const struct hash zero;
    struct hash key;

    memcpy(&key, account, sizeof key);
    add_row(l, TABLE_ACCOUNTS, &zero, &key);
    if (security != NULL)
        add_row(l, TABLE_HOLDINGS, security, &key);
}

static void add_rows_of_signer(struct row_list *l,
                               const struct op_signer *s,
                               const struct hash *security,
                               const uint8_t *op)
{
    uint64_t number;
    struct hash key;

    if (s->who == SIGNER_ACCOUNT || s->who == SIGNER_CUSTODIAN) {
        add_side(l, security, op + s->offset);
    } else if (s->who == SIGNER_PLEDGEE && security != NULL) {
        memcpy(&number, op + s->also, sizeof number);
        key = number_key(number);
        add_row(l, TABLE_PLEDGES, security, &key);
    }
}

uint32_t needs_rows(struct row_key *keys,
                    uint32_t room,
                    const struct op_def *def,
                    const void *op)
{
    static const struct hash zero;
    struct row_list l = {keys, 0, room};
    const uint8_t *base = op;
    const struct hash *security = NULL;
    struct hash of_registrar;

    for (uint32_t i = 0; i < OP_SIGNERS_MAX; i++) {
        if (def->signers[i].who != SIGNER_REGISTRAR)
            continue;
        of_registrar =
            security_key((const char *)base + def->signers[i].offset);
        security = &of_registrar;
        add_row(&l, TABLE_SECURITIES, &zero, security);
    }
    for (uint32_t i = 0; i < OP_SIGNERS_MAX; i++)
        add_rows_of_signer(&l, &def->signers[i], security, base);
    for (uint32_t i = 0; i < OP_TOUCHES_MAX && def->touches[i] != 0; i++)
        add_side(&l, security, base + def->touches[i]);
    return l.count;
}
