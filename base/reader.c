#include "base/reader.h"

#include "base/check.h"

void reader_fail(struct reader *r, enum err e)
{
    ASSERT(e != ERR_NONE);
    if (r->err == ERR_NONE)
        r->err = e;
    r->left = 0;
}

struct bytes reader_take(struct reader *r, size_t size)
{
    struct bytes out;

    if (r->err == ERR_NONE && size > r->left)
        reader_fail(r, ERR_TRUNCATED);
    if (r->err != ERR_NONE)
        return (struct bytes){NULL, 0};
    out = bytes_of(r->next, size);
    if (size == 0)
        return out; /* next may be NULL, to which not even 0 is added */
    r->next += size;
    r->left -= size;
    return out;
}

uint32_t reader_count(struct reader *r, uint32_t max, size_t item_bytes_min)
{
    const uint32_t count = reader_u32(r);

    if (r->err != ERR_NONE)
        return 0;
    if (count > max) {
        reader_fail(r, ERR_RANGE);
        return 0;
    }
    if (item_bytes_min > 0 && count > r->left / item_bytes_min) {
        reader_fail(r, ERR_TRUNCATED);
        return 0;
    }
    return count;
}

struct bytes reader_vec(struct reader *r, uint32_t max)
{
    return reader_take(r, reader_count(r, max, 1));
}

enum err reader_finish(struct reader *r)
{
    if (r->err == ERR_NONE && r->left > 0)
        reader_fail(r, ERR_TRAILING);
    return r->err;
}
