/* An entry of a vault: what decodes encodes to the same bytes, but for texts
 * with a zero inside, which end there. */
#include "base/check.h"
#include "cli/vault.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vault_entry e;
    struct vault_entry same;
    uint8_t again[VAULT_ENTRY_BYTES_MAX];
    struct writer w = writer_of(again, sizeof again);

    if (vault_entry_decode(&e, bytes_of(data, size)) != ERR_NONE)
        return 0;
    ASSERT(memchr(e.name, 0, sizeof e.name) != NULL);
    ASSERT(memchr(e.contact, 0, sizeof e.contact) != NULL);
    vault_entry_encode(&w, &e);
    ASSERT(writer_ok(&w) && w.size <= size);
    ASSERT(vault_entry_decode(&same, writer_bytes(&w)) == ERR_NONE);
    ASSERT(strcmp(same.name, e.name) == 0 &&
           strcmp(same.id_number, e.id_number) == 0);
    return 0;
}
