/* schema_json.h - JSON forms of any record that a schema describes.
 *
 * 64-bit quantities are decimal strings (input may also be an integer up to
 * 2^53 - 1), hashes and fixed bytes lower-case hex, dates "YYYY-MM-DD" ("" for
 * none), enums their names, flags arrays of names, structs objects, lists
 * arrays. */
#ifndef RPC_SCHEMA_JSON_H
#define RPC_SCHEMA_JSON_H

#include "base/schema.h"

#include <jansson.h>

enum {
    JSON_PATH_MAX = 200,
    JSON_DEPTH_MAX = 32,
};

/* schema_to_json returns a new reference. */
json_t *schema_to_json(const struct schema *s, const void *record);

/* schema_from_json fills record (zeroed first).  Members may be absent when
 * their zero value is valid; unknown members are errors.
 * Errors    ERR_RANGE; path then names the member ("lines[3].quantity: …"). */
MUST_USE enum err schema_from_json(void *record,
                                   const struct schema *s,
                                   const json_t *json,
                                   char path[JSON_PATH_MAX]);

/* field_from_text sets one scalar field from a command-line word. */
MUST_USE enum err field_from_text(void *record,
                                  const struct field *f,
                                  const char *text);

/* schema_json_type returns JSON Schema (draft 07) of the record. */
json_t *schema_json_type(const struct schema *s);

/* json_parse reads one JSON value strictly: depth at most 32 (checked before
 * the parser recurses), no duplicate members, valid UTF-8, nothing after it.
 * NULL on an error; why (size cap) says what. */
json_t *json_parse(struct bytes in, char *why, size_t cap);

/* A decimal string, or an integer up to 2^53 - 1. */
bool json_u64(uint64_t *out, const json_t *v);
json_t *json_of_u64(uint64_t v);
json_t *json_of_hex(const void *at, size_t size);
/* What a change of validators leaves (chain/valset.h). */
struct valset_margin;
json_t *json_of_margin(const struct valset_margin *m);

#endif /* RPC_SCHEMA_JSON_H */
