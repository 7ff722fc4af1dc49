/* attr.h - compiler attributes under names of our own. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_, first_) \
    __attribute__((format(printf, format_, first_)))
#define NORETURN     __attribute__((noreturn))
#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

#endif /* BASE_ATTR_H */
