/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the answer in the language of the question? By script, and among languages of Latin letters by
 * their commonest words. A question that names a language, or asks for a translation, may want any.
 */
#include "route/check.h"

#define LOOKED_AT ((size_t)4096) /* of each text */
#define LETTERS_MIN 40u
#define WORDS_MIN 5u
#define WORD_MAX 16u

enum script { LATIN, CYRILLIC, GREEK, ARABIC, HEBREW, INDIC, THAI, HANGUL, HAN, SCRIPTS };

struct letters {
    uint32_t of[SCRIPTS]; /* kana count as Han: the two stand together */
    uint32_t all;
};

static enum script script_of(uint32_t c)
{
    static const struct {
        uint32_t first;
        uint32_t last;
        enum script script;
    } ranges[] = {
        {0x41, 0x5A, LATIN},      {0x61, 0x7A, LATIN},      {0xC0, 0x24F, LATIN},
        {0x370, 0x3FF, GREEK},    {0x400, 0x52F, CYRILLIC}, {0x590, 0x5FF, HEBREW},
        {0x600, 0x77F, ARABIC},   {0x900, 0xDFF, INDIC},    {0xE00, 0xE7F, THAI},
        {0x1100, 0x11FF, HANGUL}, {0x1E00, 0x1EFF, LATIN},  {0x3040, 0x30FF, HAN},
        {0x3400, 0x4DBF, HAN},    {0x4E00, 0x9FFF, HAN},    {0xAC00, 0xD7AF, HANGUL},
        {0x20000, 0x2FA1F, HAN},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return ranges[i].script;
        }
    }
    return SCRIPTS;
}

/* One character of UTF-8; of what is none, its byte. */
static uint32_t next_character(struct slice *text)
{
    size_t len = slice_utf8_length(*text);
    const unsigned char *at = (const unsigned char *)text->ptr;
    uint32_t c = len < 2    ? at[0]
                 : len == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                 : len == 3 ? (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu)
                            : (at[0] & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 |
                                  (at[3] & 0x3Fu);
    *text = slice_from(*text, len == 0 ? 1 : len);
    return len == 0 ? 0 : c;
}

static void count_letters(struct slice text, struct letters *letters)
{
    while (text.len > 0) {
        enum script script = script_of(next_character(&text));
        if (script < SCRIPTS) {
            letters->of[script]++;
            letters->all++;
        }
    }
}

/* The script of most of the text; SCRIPTS: none. */
static enum script main_script(const struct letters *letters)
{
    for (unsigned i = 0; i < SCRIPTS; i++) {
        if (letters->all >= LETTERS_MIN / (i == HAN || i == HANGUL ? 2 : 1) &&
            letters->of[i] * 10 >= letters->all * 7) {
            return (enum script)i;
        }
    }
    return SCRIPTS;
}

enum tongue { ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, TONGUES };

/* Words that hardly another of these languages has. */
static const char *const common[TONGUES] = {
    [ENGLISH] = " the and of is that with this are was from have which they you it's there would ",
    [GERMAN] = " der das und ist nicht ein eine mit für auf dem sich auch wird sind oder zu ",
    [FRENCH] = " le les des est une dans pour pas vous qui sur avec sont cette aux nous être ",
    [SPANISH] = " el los las es una para por con del está como pero más son lo sus también ",
    [ITALIAN] = " il che di è non per gli della sono nel anche più dei alla questo essere ",
    [PORTUGUESE] = " os um uma não com para é do da em mais dos ao isso você são pelo ",
    [DUTCH] = " het een van is dat niet met voor zijn aan ook maar deze wordt bij naar ",
};

static bool is_word_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80 || c == '\'';
}

/* The next word, in lower case of ASCII, with a blank on both sides; false: there is none. */
static bool next_word(struct slice *text, char word[WORD_MAX + 2], size_t *ret_len)
{
    for (;;) {
        size_t start = 0;
        while (start < text->len && !is_word_byte((unsigned char)text->ptr[start])) {
            start++;
        }
        size_t end = start;
        while (end < text->len && is_word_byte((unsigned char)text->ptr[end])) {
            end++;
        }
        size_t len = end - start;
        if (len == 0) {
            return false;
        }
        const char *at = text->ptr + start;
        *text = slice_from(*text, end);
        if (len > WORD_MAX) {
            continue;
        }
        word[0] = word[len + 1] = ' ';
        for (size_t i = 0; i < len; i++) {
            word[i + 1] = (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]);
        }
        *ret_len = len + 2;
        return true;
    }
}

/* TONGUES: it cannot be told. */
static enum tongue tongue_of(struct slice text)
{
    uint32_t hits[TONGUES] = {0};
    char word[WORD_MAX + 2];
    size_t len;
    unsigned best = 0;
    while (next_word(&text, word, &len)) {
        for (unsigned i = 0; i < TONGUES; i++) {
            struct slice words = slice_from_cstr(common[i]);
            hits[i] += slice_find_slice(words, slice_of(word, len)) < words.len ? 1 : 0;
        }
    }
    for (unsigned i = 1; i < TONGUES; i++) {
        best = hits[i] > hits[best] ? i : best;
    }
    for (unsigned i = 0; i < TONGUES; i++) {
        if (i != best && hits[i] * 2 > hits[best]) {
            return TONGUES;
        }
    }
    return hits[best] >= WORDS_MIN ? (enum tongue)best : TONGUES;
}

/* Languages by name, and what asks for another one. */
static const char *const names[] = {
    " english ",  " german ",   " french ",    " spanish ",     " italian ",   " portuguese ",
    " dutch ",    " russian ",  " ukrainian ", " chinese ",     " mandarin ",  " japanese ",
    " korean ",   " arabic ",   " hebrew ",    " hindi ",       " thai ",      " greek ",
    " turkish ",  " polish ",   " translate ", " translation ", " übersetze ", " deutsch ",
    " englisch ", " traduire ", " traduis ",   " anglais ",     " traduce ",   " inglés ",
    " language ", " traduci ",  " traduza ",   " vertaal ",     " português ", " español ",
};

static bool names_a_language(struct slice text)
{
    char word[WORD_MAX + 2];
    size_t len;
    while (next_word(&text, word, &len)) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (slice_eq(slice_of(word, len), slice_from_cstr(names[i]))) {
                return true;
            }
        }
    }
    return false;
}

static struct slice bounded(struct slice text)
{
    size_t len = text.len > LOOKED_AT ? LOOKED_AT : text.len;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_of(text.ptr, len);
}

enum check_result check_language(const struct checked_answer *answer)
{
    struct letters asked = {.all = 0};
    struct letters said = {.all = 0};
    struct slice prompt = bounded(answer->prompt);
    struct slice text = bounded(answer->text);
    size_t fence = slice_find_slice(text, SLICE("```"));
    text.len = fence < text.len ? fence : text.len; /* code is in no language of people */
    count_letters(prompt, &asked);
    count_letters(text, &said);
    enum script wanted = main_script(&asked);
    enum script given = main_script(&said);
    if (wanted == SCRIPTS || given == SCRIPTS || answer->format != FORMAT_TEXT ||
        names_a_language(prompt) || asked.of[given] * 10 > asked.all * (wanted == given ? 10 : 1)) {
        return CHECK_SILENT;
    }
    if (wanted != given) {
        /* names and terms of a question are often in Latin letters, its answer seldom is */
        return CHECK_FAILED;
    }
    if (wanted != LATIN) {
        return CHECK_PASSED;
    }
    enum tongue question = tongue_of(prompt);
    enum tongue reply = tongue_of(text);
    if (question == TONGUES || reply == TONGUES) {
        return CHECK_SILENT;
    }
    return question == reply ? CHECK_PASSED : CHECK_FAILED;
}
