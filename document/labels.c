#include "document/labels.h"

#include "ledger/event.h"

#include <stdio.h>

static const char *const labels[LABELS][LANGS] = {
#define LABEL(id, en, zh) [LABEL_##id] = {en, zh},
#include "document/labels.def"
#undef LABEL
};

static const char *const events[EVENT_KINDS][LANGS] = {
#define TERM(id, en, zh) [EVENT_##id] = {en, zh},
#include "document/terms.def"
#undef TERM
};

const char *label_in(enum label l, enum lang lang)
{
    return l < LABELS && lang < LANGS ? labels[l][lang] : "";
}

const char *event_in(uint8_t kind, enum lang lang)
{
    const char *text =
        kind < EVENT_KINDS && lang < LANGS ? events[kind][lang] : NULL;

    return text != NULL ? text : "";
}

void both_text(
    char *out, size_t cap, const char *en, const char *zh, uint32_t languages)
{
    const bool in_en = (languages & 1u << LANG_EN) != 0;
    const bool in_zh = (languages & 1u << LANG_ZH) != 0;

    (void)snprintf(out,
                   cap,
                   "%s%s%s",
                   in_en ? en : "",
                   in_en && in_zh ? " " : "",
                   in_zh ? zh : "");
}

void label_text(char *out, size_t cap, enum label l, uint32_t languages)
{
    both_text(out, cap, label_in(l, LANG_EN), label_in(l, LANG_ZH), languages);
}

void label_fill(char *out,
                size_t cap,
                enum label l,
                uint32_t languages,
                const struct word *words,
                size_t count)
{
    char text[LANGS][160];

    for (enum lang lang = LANG_EN; lang < LANGS; lang++)
        words_fill(
            text[lang], sizeof text[lang], label_in(l, lang), words, count);
    both_text(out, cap, text[LANG_EN], text[LANG_ZH], languages);
}
