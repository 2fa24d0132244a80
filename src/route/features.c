/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a chat to features. The sample is built first: the last user turn (its head and its tail
 * when it is long, for the request stands at one of them), the head of the system prompt, and the
 * user's turn before when the last one is as short as "yes, in Rust please". One scan over it finds
 * everything; the rest of the conversation is only measured.
 */
#include "route/features.h"

#include "route/memo.h"
#include "route/scan_vector.h"
#include "route/tokens.h"

#define SYSTEM_SAMPLE 512
#define EARLIER_SAMPLE 256
#define USER_SAMPLE (FEATURES_TEXT_MAX - SYSTEM_SAMPLE - EARLIER_SAMPLE)
#define USER_TAIL 1024
#define SHORT_TURN 48 /* a turn of so few bytes leans on the one before */
#define NO_TURN SIZE_MAX
#define UTF8_BYTES_MAX 4

/* --- the sample --- */

/* Typographic quotes, dashes, dots and hard blanks become their ASCII forms, in place; the text
   never grows. Returns the new length. */
static size_t plain_punctuation(char *text, size_t len)
{
    static const char narrow[256] = {
        [0x90] = '-',  [0x91] = '-',  [0x92] = '-',  [0x93] = '-',  [0x94] = '-', [0x95] = '-',
        [0x98] = '\'', [0x99] = '\'', [0x9a] = '\'', [0x9b] = '\'', [0x9c] = '"', [0x9d] = '"',
        [0x9e] = '"',  [0x9f] = '"',  [0xa2] = '-',  [0xa6] = '.'};
    size_t to = 0;
    size_t from = 0;
    while (from < len) {
        const char *lead = memchr(text + from, PUNCTUATION_LEAD, len - from);
        size_t run = lead == NULL ? len - from : (size_t)(lead - text) - from;
        if (to != from) {
            memmove(text + to, text + from, run);
        }
        to += run;
        from += run;
        if (from < len) {
            bool general = len - from >= 3 && text[from + 1] == (char)0x80;
            char plain = general ? narrow[(unsigned char)text[from + 2]] : 0;
            text[to++] = plain != 0 ? plain : (char)PUNCTUATION_LEAD;
            from += plain != 0 ? 3 : 1;
        }
    }
    return to;
}

/* Appends at most `room` plain bytes of an inner text. */
static void sample_append(struct features *f, struct slice inner, size_t room)
{
    size_t left = FEATURES_TEXT_MAX - f->sample_len;
    room = room < left ? room : left;
    char *at = f->sample + f->sample_len;
    /* A plain byte takes at most 6 bytes of JSON; no more than that is looked at. */
    struct slice head = slice_of(inner.ptr, inner.len / 6 < room ? inner.len : room * 6);
    /* most texts hold nothing to be changed; a text that must be cut is cut by who knows how */
    size_t copy = head.len <= room ? head.len : room < UTF8_BYTES_MAX ? 0 : room - UTF8_BYTES_MAX;
    size_t same = plain_copy(at, head.ptr, copy, vocabulary_get()->wide);
    size_t changed = 0;
    if (same < head.len) {
        changed = json_unescape_to(slice_from(head, same), at + same, room - same);
    }
    /* Escapes make JSON longer than the text it stands for: what was read whole counts as a whole.
     */
    f->sampled_bytes += same + changed < room ? inner.len : same + changed;
    f->sample_len += same + plain_punctuation(at + same, changed);
}

static void sample_break(struct features *f)
{
    if (f->sample_len > 0 && f->sample_len < FEATURES_TEXT_MAX) {
        f->sample[f->sample_len++] = '\n';
    }
}

/* The end of an inner text, from a blank on: a blank is inside no escape and no character. */
static struct slice inner_tail(struct slice inner, size_t size)
{
    if (inner.len <= size) {
        return inner;
    }
    struct slice tail = slice_from(inner, inner.len - size);
    size_t blank = slice_find(slice_of(tail.ptr, tail.len < 256 ? tail.len : 256), ' ');
    if (blank != SIZE_MAX) {
        return slice_from(tail, blank);
    }
    while (tail.len > 0 && ((unsigned char)tail.ptr[0] & 0xc0) == 0x80) {
        tail = slice_from(tail, 1);
    }
    return tail;
}

static size_t message_text_bytes(const struct chat_message *message)
{
    size_t bytes = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        bytes += message->parts[i].kind == PART_TEXT ? message->parts[i].text.len : 0;
    }
    return bytes;
}

/* The first `room` bytes of the message's texts, one below the other. */
static void sample_head(struct features *f, const struct chat_message *message, size_t room)
{
    size_t end = f->sample_len + room;
    for (size_t i = 0; i < message->part_count && f->sample_len < end; i++) {
        if (message->parts[i].kind == PART_TEXT && message->parts[i].text.len > 0) {
            sample_break(f);
            sample_append(f, message->parts[i].text, end - f->sample_len);
        }
    }
}

/* The last `room` bytes; a message's last text part is what ends it. */
static void sample_tail(struct features *f, const struct chat_message *message, size_t room)
{
    for (size_t i = message->part_count; i > 0; i--) {
        if (message->parts[i - 1].kind == PART_TEXT && message->parts[i - 1].text.len > 0) {
            sample_break(f);
            sample_append(f, inner_tail(message->parts[i - 1].text, room), room);
            return;
        }
    }
}

static void sample_user_turn(struct features *f, const struct chat_message *message)
{
    f->user_bytes = message_text_bytes(message);
    if (f->user_bytes <= USER_SAMPLE) {
        sample_head(f, message, USER_SAMPLE);
    } else {
        sample_head(f, message, USER_SAMPLE - USER_TAIL);
        sample_tail(f, message, USER_TAIL);
    }
    f->user_len = f->sample_len;
}

/* --- the conversation --- */

/* The user turn at or before `from`; if there is none, the last message of all. */
static size_t user_turn_before(const struct chat *chat, size_t from)
{
    for (size_t i = from; i > 0; i--) {
        if (chat->messages[i - 1].role == ROLE_USER && chat->messages[i - 1].part_count > 0) {
            return i - 1;
        }
    }
    return NO_TURN;
}

static void count_parts(const struct chat_message *message, struct features *f)
{
    for (size_t i = 0; i < message->part_count; i++) {
        f->images += message->parts[i].kind == PART_IMAGE;
        f->tool_results += message->parts[i].kind == PART_TOOL_RESULT;
    }
}

static void count_conversation(const struct chat *chat, struct features *f)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        count_parts(&chat->messages[i], f);
        f->user_turns += chat->messages[i].role == ROLE_USER;
    }
    f->turns = (uint32_t)chat->message_count;
    f->tools = (uint32_t)chat->tool_count;
    f->choices = chat->choices < 1 ? 1 : chat->choices;
    f->json_wanted = chat->format != FORMAT_TEXT;
    f->completion = chat->operation == OPERATION_COMPLETION;
    f->suffix = chat->suffix.ptr != NULL;
    f->needs = chat->needs;
    if (chat->message_count > 0) {
        f->in_tool_loop = chat->messages[chat->message_count - 1].role == ROLE_TOOL;
    }
}

/* Zeros behind what is sampled: whole blocks are read. */
static void scan_sampled(struct text_scan *scan, size_t start, uint8_t region)
{
    struct features *f = scan->features;
    memset(f->sample + f->sample_len, 0, FEATURES_PADDING);
    text_scan_region(scan, start, f->sample_len, region);
}

/* `read`: its text is needed although what it holds is remembered. */
static void scan_system(const struct chat_message *message, struct text_scan *scan, bool read)
{
    struct features *f = scan->features;
    size_t start = f->sample_len;
    bool whole = message->part_count == 1 && message->parts[0].kind == PART_TEXT && start > 0;
    struct slice inner = whole ? message->parts[0].text : SLICE_EMPTY;
    if (!read && memo_recall(scan, inner)) {
        return;
    }
    sample_head(f, message, SYSTEM_SAMPLE);
    if (f->sample_len > start) {
        memset(f->sample + f->sample_len, 0, FEATURES_PADDING);
        memo_scan_system(scan, start, f->sample_len, inner);
    }
}

static void scan_surroundings(const struct chat *chat, struct text_scan *scan, size_t user_turn)
{
    struct features *f = scan->features;
    const struct chat_message *first = &chat->messages[0];
    size_t earlier = f->user_len < SHORT_TURN ? user_turn_before(chat, user_turn) : NO_TURN;
    if (user_turn > 0 && (first->role == ROLE_SYSTEM || first->role == ROLE_DEVELOPER)) {
        scan_system(first, scan, earlier != NO_TURN);
    }
    if (earlier != NO_TURN) {
        size_t start = f->sample_len;
        sample_head(f, &chat->messages[earlier], EARLIER_SAMPLE);
        if (f->sample_len > start) {
            scan_sampled(scan, start, PLACE_EARLIER);
        }
    }
}

/* First bytes of characters. */
struct script_counts {
    size_t cyrillic; /* d0, d1 */
    size_t cjk;      /* e3 .. ed */
    size_t latin;    /* c3 .. c8 */
};

/* Reads up to 15 bytes beyond `len`. */
static void count_scripts(const char *text, size_t len, struct script_counts *counts)
{
#ifdef SCAN_HAS_VECTORS
    for (size_t i = 0; i < len; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        uint64_t inside = len - i < 16 ? bits_below((unsigned)(len - i)) : UINT16_MAX;
        if ((MASK_16(b) & inside) != 0) {
            counts->cyrillic += bits_count(MASK_16(RANGE_16(b, 0xd0, 2)) & inside);
            counts->cjk += bits_count(MASK_16(RANGE_16(b, 0xe3, 11)) & inside);
            counts->latin += bits_count(MASK_16(RANGE_16(b, 0xc3, 6)) & inside);
        }
    }
#else
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        counts->cyrillic += c == 0xd0 || c == 0xd1;
        counts->cjk += c >= 0xe3 && c <= 0xed;
        counts->latin += c >= 0xc3 && c <= 0xc8;
    }
#endif
}

/* The script by the first bytes of characters beyond ASCII; Latin is English if it has English
 * words or no accents. */
static int language_of(const struct features *f, const struct byte_counts *counts)
{
    struct script_counts scripts = {0, 0, 0};
    bool words_tell = counts->high <= counts->letters && f->english_words > 0;
    if (counts->high > 0 && !words_tell) {
        count_scripts(f->sample, f->user_len < 1024 ? f->user_len : 1024, &scripts);
    }
    if (counts->high > counts->letters) {
        return scripts.cyrillic > scripts.cjk ? LANGUAGE_CYRILLIC
               : scripts.cjk > 0              ? LANGUAGE_CJK
                                              : LANGUAGE_OTHER;
    }
    if (f->english_words > 0) {
        return LANGUAGE_ENGLISH;
    }
    if (scripts.latin > 0) {
        return LANGUAGE_OTHER_LATIN;
    }
    return LANGUAGE_UNKNOWN;
}

static ALWAYS void extract(const struct chat *chat, features_change change, void *context,
                           struct features *features)
{
    memset(features, 0, offsetof(struct features, hits));
    features->user_len = features->sample_len = features->sampled_bytes = 0;
    features->user_turn = features->hits.count = 0;
    features->looked_up.count = 0;
    features->looked_up.whole = false;
    features->found.first = features->found.end = 0;
    struct text_scan scan;
    text_scan_init(&scan, features);
    count_conversation(chat, features);
    if (chat->message_count > 0) {
        size_t turn = user_turn_before(chat, chat->message_count);
        features->user_turn = turn == NO_TURN ? chat->message_count - 1 : turn;
        sample_user_turn(features, &chat->messages[features->user_turn]);
        if (change != NULL) {
            size_t left = change(features->sample, features->user_len, context);
            bool whole = features->user_bytes <= USER_SAMPLE;
            features->user_bytes = whole ? left : features->user_bytes;
            features->user_len = features->sample_len = left;
        }
        scan_sampled(&scan, 0, 0);
        scan_surroundings(chat, &scan, features->user_turn);
    }
    text_scan_finish(&scan);
    features->language = language_of(features, &scan.counts);
    features->beyond_ascii = (uint32_t)scan.counts.high;
    tokens_estimate(chat, &scan.counts, features);
}

void features_extract(const struct chat *chat, struct features *features)
{
    extract(chat, NULL, NULL, features);
}

void features_extract_changed(const struct chat *chat, features_change change, void *context,
                              struct features *features)
{
    extract(chat, change, context, features);
}
