/* sections.h - the sections of a receipt in their order, each with its writer
 * and its reader (private to audit/). */
#ifndef AUDIT_SECTIONS_H
#define AUDIT_SECTIONS_H

#include "audit/receipt.h"

enum section_id {
    SECTION_ANCHOR = 1,
    SECTION_EPOCHS = 2,
    SECTION_BLOCK = 3,
    SECTION_LINK = 4,
    SECTION_AS_OF = 5,
    SECTION_STATEMENT = 16, /* + kind */
    SECTION_DISCLOSURE = 32,
    SECTIONS = 7,
};

enum {
    RECEIPT_MAGIC_BYTES = 7,
    RECEIPT_FRONT_BYTES = RECEIPT_MAGIC_BYTES + 3 + HASH_BYTES,
};

enum holding_form {
    HOLDING_ROW = 1,
    HOLDING_OTHER_LEAF = 2,
    HOLDING_NO_TREE = 3,
};

enum opening {
    OPENING_START = 1,
    OPENING_EARLIER = 2,
};

/* Where bytes go: behind `out`; else they are compared with `against`; else
 * they are only counted.  bad: something was beyond its limit. */
struct sink {
    struct buf *out;
    struct bytes against;
    bool compare;
    bool differs;
    bool bad;
    size_t size;
};

struct section {
    const char *name;
    uint8_t id;
    uint8_t part; /* there only if this bit of parts is set; 0 = always */
    void (*put)(struct sink *s, const struct receipt *r);
    void (*read)(struct reader *in, struct receipt *r);
};
extern const struct section receipt_sections[SECTIONS];

/* The id as it stands in the file. */
uint8_t section_id_of(const struct section *s, const struct receipt *r);

/* receipt_put writes everything but the digest. */
void receipt_put(struct sink *s, const struct receipt *r);

void put_anchor(struct sink *s, const struct receipt *r);
void put_epochs(struct sink *s, const struct receipt *r);
void put_block(struct sink *s, const struct receipt *r);
void put_link(struct sink *s, const struct receipt *r);
void put_as_of(struct sink *s, const struct receipt *r);
void put_statement(struct sink *s, const struct receipt *r);
void put_disclosure(struct sink *s, const struct receipt *r);

void read_anchor(struct reader *in, struct receipt *r);
void read_epochs(struct reader *in, struct receipt *r);
void read_block(struct reader *in, struct receipt *r);
void read_link(struct reader *in, struct receipt *r);
void read_as_of(struct reader *in, struct receipt *r);
void read_statement(struct reader *in, struct receipt *r);
void read_disclosure(struct reader *in, struct receipt *r);

/* Text that may stand in a disclosure. */
bool identity_text_ok(struct bytes text);

#endif /* AUDIT_SECTIONS_H */
