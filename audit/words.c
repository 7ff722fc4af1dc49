#include "audit/words.h"

#include "base/attr.h"
#include "ledger/rows.h"

/* The verifier that is to be small speaks English alone. */
#ifdef WORDS_ENGLISH
#define IN_CHINESE(en_, zh_) (en_)
#else
#define IN_CHINESE(en_, zh_) (zh_)
#endif

static const char *const templates[SENTENCES][LANGS] = {
#define SENTENCE(id, en, zh) [SENTENCE_##id] = {en, IN_CHINESE(en, zh)},
#include "audit/sentences.def"
#undef SENTENCE
};

const char *sentence_template(enum sentence s, enum lang lang)
{
    return s < SENTENCES && lang < LANGS ? templates[s][lang] : "";
}

struct word word_of(const char *text)
{
    return (struct word){.text = bytes_of(text, strlen(text))};
}

struct word word_of_number(uint64_t n)
{
    return (struct word){.number = n};
}

/* ---- templates ---- */

struct filling {
    char *out;
    size_t cap;
    size_t size;
};

static void put(struct filling *f, const char *at, size_t size)
{
    const size_t room = f->cap - 1 - f->size;

    size = size < room ? size : room;
    memcpy(f->out + f->size, at, size);
    f->size += size;
}

static void put_number(struct filling *f, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(f, digits + at, sizeof digits - at);
}

static void put_word(struct filling *f, const struct word *w)
{
    if (w->text.at != NULL)
        put(f, (const char *)w->text.at, w->text.size);
    else
        put_number(f, w->number);
}

/* At a brace of the table's templates, which are well formed (test_words);
 * returns what follows the closing one. */
static const char *put_place(struct filling *f,
                             const char *at,
                             const struct word *words,
                             size_t count)
{
    static const struct word none = {.text = {(const uint8_t *)"", 0}};
    const size_t n = (size_t)(at[1] - '0');
    const struct word *w = n < count ? &words[n] : &none;
    const char *end = strchr(at, '}');
    const char *middle;

    if (at[2] != ':') {
        put_word(f, w);
        return end + 1;
    }
    at += 3;
    middle = strchr(at, '|');
    if (w->text.at == NULL && w->number == 1)
        put(f, at, (size_t)(middle - at));
    else
        put(f, middle + 1, (size_t)(end - middle - 1));
    return end + 1;
}

void words_fill(char *out,
                size_t cap,
                const char *template,
                const struct word *words,
                size_t count)
{
    struct filling f = {out, cap, 0};

    while (*template != '\0') {
        const size_t plain = strcspn(template, "{");

        put(&f, template, plain);
        template += plain;
        if (*template == '{')
            template = put_place(&f, template, words, count);
    }
    out[f.size] = '\0';
}

/* ---- terms ---- */

static const char *const account_kinds_zh[ACCOUNT_KINDS] = {
    NULL, "普通账户", "库存股账户", "未确权账户", "待处理账户"};
static const char *const account_statuses_zh[ACCOUNT_STATUSES] = {
    NULL, "正常", "冻结", "注销"};

static const char *const security_classes_zh[SECURITY_CLASSES] = {
    NULL, "普通股", "优先股", "可转换公司债券"};
static const char *const security_statuses_zh[SECURITY_STATUSES] = {
    NULL, "录入中", "已登记", "已挂牌", "暂停转让", "转板中", "已退出"};

static const char *term(const char *const *en,
                        const char *const *zh,
                        size_t count,
                        uint8_t value,
                        enum lang lang)
{
    const char *found =
        value < count ? (lang == LANG_ZH ? zh : en)[value] : NULL;

    return found != NULL ? found : "";
}

const char *term_account_kind(uint8_t kind, enum lang lang)
{
    return term(
        account_kind_names, account_kinds_zh, ACCOUNT_KINDS, kind, lang);
}

const char *term_account_status(uint8_t status, enum lang lang)
{
    return term(account_status_names,
                account_statuses_zh,
                ACCOUNT_STATUSES,
                status,
                lang);
}

const char *term_security_class(uint8_t class, enum lang lang)
{
    return term(security_class_names,
                security_classes_zh,
                SECURITY_CLASSES,
                class,
                lang);
}

const char *term_security_status(uint8_t status, enum lang lang)
{
    return term(security_status_names,
                security_statuses_zh,
                SECURITY_STATUSES,
                status,
                lang);
}
