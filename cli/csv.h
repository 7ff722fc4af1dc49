/* csv.h - a register as custodians export it: UTF-8 or GB18030, RFC 4180.
 *
 * Everything is checked before anything is sent; the first fault is told as
 * FILE:LINE: reason. */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    CSV_ROWS_MAX = 1000000,
    CSV_TEXT_MAX = 256,
    CSV_FILE_MAX = 256 << 20,
};

struct csv_line {
    uint32_t line; /* in the file, for messages */
    char name[CSV_TEXT_MAX];
    char id_type[64];
    char id_number[64];
    char contact[CSV_TEXT_MAX];
    uint8_t nature;
    uint64_t quantity;
    uint32_t acquired; /* day */
};

struct csv_register {
    char code[17];            /* 证券代码, the same in every line */
    char title[CSV_TEXT_MAX]; /* 证券简称 */
    uint64_t total;
    uint32_t count;
    struct csv_line *lines; /* owned */
};

/* csv_parse reads in; issued 0: no figure to compare the sum with.
 * Errors    ERR_RANGE, with *line and why (size cap) set */
MUST_USE enum err csv_parse(struct csv_register *out,
                            struct bytes in,
                            uint64_t issued,
                            uint32_t *line,
                            char *why,
                            size_t cap);
void csv_free(struct csv_register *r);

#endif /* CLI_CSV_H */
