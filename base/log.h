/* log.h - one line per fact, to standard error.
 *
 * A line is a fixed sentence and key=value pairs; no secrets, no personal
 * data.  The level says what the reader should do: debug (nothing), info
 * (nothing), unusual (look when you have time), broken (get up).  Pure layers
 * do not log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_UNUSUAL_, LOG_BROKEN_ };

/* log_set chooses the lowest level shown and whether lines are JSON. */
void log_set(enum log_level lowest, int as_json);

/* log_line writes one line.  pairs is a printf format of key=value pairs
 * separated by one space, or "".  Thread-safe. */
void log_line(enum log_level level,
              const char *module,
              const char *sentence,
              const char *pairs,
              ...) PRINTF_LIKE(4, 5);

#define log_debug(module, sentence, ...) \
    log_line(LOG_DEBUG_, module, sentence, __VA_ARGS__)
#define log_info(module, sentence, ...) \
    log_line(LOG_INFO_, module, sentence, __VA_ARGS__)
#define log_unusual(module, sentence, ...) \
    log_line(LOG_UNUSUAL_, module, sentence, __VA_ARGS__)
#define log_broken(module, sentence, ...) \
    log_line(LOG_BROKEN_, module, sentence, __VA_ARGS__)

#endif /* BASE_LOG_H */
