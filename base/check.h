/* check.h - assertions that stay on in every build.
 *
 * ASSERT is for bugs of this program only.  Nothing a peer, a client, a file
 * or the database says may reach one: bytes become an error first, and only
 * what was checked is a fact that may be asserted. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

#define ASSERT(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* check_failed prints the broken assertion and aborts. */
NORETURN void check_failed(const char *condition, const char *file, int line);

#endif /* BASE_CHECK_H */
