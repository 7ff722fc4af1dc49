#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int lowest_shown = LOG_INFO_;
static _Atomic int json_lines;

void log_set(enum log_level lowest, int as_json)
{
    atomic_store(&lowest_shown, (int)lowest);
    atomic_store(&json_lines, as_json);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG_:
        return "debug";
    case LOG_INFO_:
        return "info";
    case LOG_UNUSUAL_:
        return "unusual";
    case LOG_BROKEN_:
        return "broken";
    }
    return "?";
}

static size_t append(char *out, size_t cap, size_t at, const char *text)
{
    for (; *text != '\0' && at + 1 < cap; text++)
        out[at++] = *text;
    out[at] = '\0';
    return at;
}

/* Quotes text for JSON; control bytes become a question mark. */
static size_t append_json(char *out, size_t cap, size_t at, const char *text)
{
    for (; *text != '\0' && at + 2 < cap; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = (unsigned char)*text < 0x20 ? '?' : *text;
    }
    out[at] = '\0';
    return at;
}

void log_line(enum log_level level,
              const char *module,
              const char *sentence,
              const char *pairs,
              ...)
{
    char detail[1536];
    char line[2048];
    char stamp[40];
    struct timespec now;
    struct tm utc;
    va_list args;
    size_t at;
    ssize_t unused;

    if ((int)level < atomic_load(&lowest_shown))
        return;
    va_start(args, pairs);
    vsnprintf(detail, sizeof detail, pairs, args);
    va_end(args);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    at = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(
        stamp + at, sizeof stamp - at, ".%03dZ", (int)(now.tv_nsec / 1000000));

    if (atomic_load(&json_lines)) {
        at = append(line, sizeof line, 0, "{\"ts\":\"");
        at = append(line, sizeof line, at, stamp);
        at = append(line, sizeof line, at, "\",\"lvl\":\"");
        at = append(line, sizeof line, at, level_name(level));
        at = append(line, sizeof line, at, "\",\"mod\":\"");
        at = append(line, sizeof line, at, module);
        at = append(line, sizeof line, at, "\",\"msg\":\"");
        at = append_json(line, sizeof line - 16, at, sentence);
        at = append(line, sizeof line, at, "\",\"detail\":\"");
        at = append_json(line, sizeof line - 8, at, detail);
        at = append(line, sizeof line, at, "\"}\n");
    } else {
        at = append(line, sizeof line - 4, 0, stamp);
        at = append(line, sizeof line - 4, at, " ");
        at = append(line, sizeof line - 4, at, level_name(level));
        at = append(line, sizeof line - 4, at, " ");
        at = append(line, sizeof line - 4, at, module);
        at = append(line, sizeof line - 4, at, ": ");
        at = append(line, sizeof line - 4, at, sentence);
        if (detail[0] != '\0') {
            at = append(line, sizeof line - 4, at, " ");
            at = append(line, sizeof line - 4, at, detail);
        }
        at = append(line, sizeof line, at, "\n");
    }
    unused = write(STDERR_FILENO, line, at); /* one write: lines stay whole */
    (void)unused;
}
