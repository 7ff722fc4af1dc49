#include "ledger/view.h"

#include "base/check.h"
#include "base/writer.h"

struct hash security_key(const char *code)
{
    struct hash k = {{0}};
    const size_t size = strlen(code);

    ASSERT(size <= sizeof k.raw);
    memcpy(k.raw, code, size);
    return k;
}

struct hash number_key(uint64_t number)
{
    struct hash k = {{0}};
    struct writer w = writer_of(k.raw, sizeof k.raw);

    writer_be64(&w, number);
    return k;
}

struct hash day_key(uint32_t day)
{
    struct hash k = {{0}};
    struct writer w = writer_of(k.raw, sizeof k.raw);

    writer_be32(&w, day);
    return k;
}

struct hash reference_key(uint16_t institution, const uint8_t serial[12])
{
    struct hash k = {{0}};

    k.raw[0] = (uint8_t)(institution >> 8);
    k.raw[1] = (uint8_t)institution;
    memcpy(k.raw + 2, serial, 12);
    return k;
}

struct hash claim_key(const char *security, uint64_t number)
{
    struct hash k = security_key(security);
    struct writer w = writer_of(k.raw + 24, 8);

    ASSERT(strlen(security) <= 24);
    writer_be64(&w, number);
    return k;
}

struct hash epoch_key(uint64_t epoch)
{
    struct hash k = number_key(epoch);

    k.raw[HASH_BYTES - 1] = 1;
    return k;
}

struct hash evidence_key(uint64_t epoch,
                         uint64_t view,
                         uint8_t validator,
                         uint8_t type)
{
    struct hash k = {{0}};
    struct writer w = writer_of(k.raw, sizeof k.raw);

    writer_be64(&w, epoch);
    writer_be64(&w, view);
    writer_u8(&w, validator);
    writer_u8(&w, type);
    return k;
}

struct hash due_key(uint32_t day, uint32_t item)
{
    struct hash k = day_key(day);
    struct writer w = writer_of(k.raw + 4, 4);

    writer_be32(&w, item);
    return k;
}
