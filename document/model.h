/* model.h - what stands in a document, before it has a place on paper (private
 * to document/). */
#ifndef DOCUMENT_MODEL_H
#define DOCUMENT_MODEL_H

#include "document/document.h"
#include "document/figures.h"
#include "document/qr.h"

enum {
    COLUMNS_MAX = 8,
    CELL_MAX = 192,
    VALUE_MAX = 600,
    BLOCKS_MAX = 24,
    TITLE_MAX = 240,
    DATES_MAX = 28,
    NAME_MAX_BYTES = 512,
};

struct document {
    struct receipt r;
    struct receipt_facts f;
    struct bytes file;
    struct hash digest; /* SHA-256 of the file */
    struct control {
        /* REGISTER: sums of the lines. */
        struct holding_sums lines;
        /* STATEMENT: opening + in - out = the closing balance. */
        uint64_t opening;
        uint64_t in;
        uint64_t out;
    } control;
};

enum cell_style {
    CELL_TEXT,
    CELL_CODE,   /* digests and ids: small, of one width */
    CELL_HALVES, /* the same in two lines */
    CELL_NUMBER, /* to the right */
};

struct column {
    enum label label;
    enum cell_style style;
    uint16_t width; /* points */
};

/* A row.  Under the cell with an account its name may stand. */
struct cells {
    char text[COLUMNS_MAX][CELL_MAX];
    char name[NAME_MAX_BYTES]; /* "" = none */
};

enum table_of {
    TABLE_KEPT,   /* rows in the model */
    TABLE_LINES,  /* of the register in the receipt */
    TABLE_EVENTS, /* of the statement in the receipt */
};

struct doc_table {
    enum table_of of;
    char title[TITLE_MAX];
    const struct column *columns;
    uint32_t column_count;
    uint32_t name_column; /* under which names stand */
    bool names;           /* rows have room for one */
    uint32_t rows;
    struct cells *kept; /* owned; TABLE_KEPT */
    bool has_total;
    struct cells *total; /* owned */
};

struct entry { /* label and value */
    enum label label;
    enum cell_style style;
    char value[VALUE_MAX];
    bool marked; /* from the custodian's own records */
};

struct entries {
    enum label heading;
    struct entry *list; /* owned */
    uint32_t count;
};

enum block_kind {
    BLOCK_ENTRIES,
    BLOCK_TABLE,
    BLOCK_REPORT, /* the sentences of the report */
    BLOCK_CHECK,  /* how to check the document */
};

struct block {
    enum block_kind kind;
    union {
        struct entries entries;
        struct doc_table table;
    } of;
};

struct model {
    const struct document *d;
    const struct document_options *o;
    uint32_t languages;
    uint32_t count;
    struct block blocks[BLOCKS_MAX];
    char number[80]; /* "HOLDING-11-1A2B3C4D" */
    char attachment[96];
    char qr[QR_TEXT_MAX];
};

void model_make(struct model *m,
                const struct document *d,
                const struct document_options *o);
void model_free(struct model *m);

enum label model_title(uint8_t kind);

/* RECEIPT_AS_OF: the business dates at whose ends it was so. */
const char *model_dates(char out[DATES_MAX], const struct receipt_facts *f);

/* The rows of a table, in order. */
struct table_walk {
    const struct model *m;
    const struct doc_table *t;
    uint32_t next;
    struct reader items;
    uint64_t balance;
};
void table_begin(struct table_walk *w,
                 const struct model *m,
                 const struct doc_table *t);
/* False at the end. */
bool table_next(struct table_walk *w, struct cells *out);

/* ---- for the files that make a model ---- */

struct entries *model_entries(struct model *m, enum label heading);
/* The new entry's value is to be written. */
char *entries_add(struct entries *e, enum label label, enum cell_style style);
void entries_text(struct entries *e, enum label label, const char *text);
void entries_figure(struct entries *e, enum label label, uint64_t n);
void entries_hash(struct entries *e, enum label label, const struct hash *h);
void entries_name(struct model *m,
                  struct entries *e,
                  const struct hash *account);
struct doc_table *model_table(struct model *m,
                              enum label heading,
                              const struct column *columns,
                              uint32_t column_count);
struct cells *table_row(struct doc_table *t);
struct cells *table_total(struct model *m,
                          struct doc_table *t,
                          uint32_t column);
void cell_code(char out[CELL_MAX], const struct hash *h);
void cell_figure(char out[CELL_MAX], uint64_t n);
void cell_name(const struct model *m,
               struct cells *c,
               const struct hash *account);

/* Blocks of one kind of receipt. */
void model_position(struct model *m);
void model_register(struct model *m);
void model_statement(struct model *m);
void model_transaction(struct model *m);
void model_consistency(struct model *m);
void model_validators(struct model *m);
/* When, what is proven, who signed, how to check it: closes the model, but for
 * lists that stand behind. */
void model_certify(struct model *m);

#endif /* DOCUMENT_MODEL_H */
