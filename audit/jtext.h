/* jtext.h - JSON as text, written straight to a file: a register of a
 * million lines needs no memory.
 *
 * Records have the forms of rpc/schema_json.h, byte for byte what that and
 * compact printing would give but for white space: 64-bit quantities decimal
 * strings, hashes hex, dates "YYYY-MM-DD", enums their names. */
#ifndef AUDIT_JTEXT_H
#define AUDIT_JTEXT_H

#include "base/schema.h"

#include <stdio.h>

struct jtext {
    FILE *out;
    uint32_t depth;
    bool any; /* the object or array being written has a member */
};

/* name is the member's, NULL in arrays and for the whole. */
void jtext_open(struct jtext *j, const char *name, char bracket);
void jtext_close(struct jtext *j, char bracket);
void jtext_string(struct jtext *j, const char *name, struct bytes utf8);
void jtext_word(struct jtext *j, const char *name, const char *text);
void jtext_u64(struct jtext *j, const char *name, uint64_t v); /* string */
void jtext_u32(struct jtext *j, const char *name, uint32_t v); /* number */
void jtext_bool(struct jtext *j, const char *name, bool v);
void jtext_hex(struct jtext *j, const char *name, const void *at, size_t size);
void jtext_hash(struct jtext *j, const char *name, const struct hash *h);
void jtext_date(struct jtext *j, const char *name, uint32_t day);
void jtext_record(struct jtext *j,
                  const char *name,
                  const struct schema *s,
                  const void *record);

#endif /* AUDIT_JTEXT_H */
