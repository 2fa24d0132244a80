/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/behaviour.h"

#define ROW(id, text, unit, otherwise, sentence)                                                   \
    [id] = {                                                                                       \
        .name = SLICE_INIT(text),                                                                  \
        .number = unit,                                                                            \
        .fallback = otherwise,                                                                     \
        .help = sentence,                                                                          \
    }

#define NUMBER_MAX 1000000000u

/* The one table of behaviours: `fakeprovider --list` prints it. */
const struct sim_behaviour_row sim_behaviour_rows[SIM_BEHAVIOURS] = {
    ROW(SIM_SLOW, "slow", "ms", 200, "waits this long before the first byte"),
    ROW(SIM_TPS, "tps", "tokens", 50, "makes so many tokens a second"),
    ROW(SIM_EVENT, "event", "ms", 20, "pauses this long between the events of a stream"),
    ROW(SIM_PAUSE, "pause", "ms", 500, "pauses once in the middle of the answer"),
    ROW(SIM_HEAD_FIRST, "head-first", NULL, 0, "sends the head at once, before any latency"),
    ROW(SIM_LATE_END, "late-end", "ms", 200, "pauses between the last event and the end"),
    ROW(SIM_DRIP, "drip", "bytes", 1, "sends so many bytes a second, head included"),
    ROW(SIM_HANG, "hang", NULL, 0, "reads the request and never answers"),
    ROW(SIM_HANG_MID, "hang-mid", "events", 2, "stops for ever after so many events"),

    ROW(SIM_STATUS, "status", "code", 500, "refuses with this status"),
    ROW(SIM_RETRY, "retry", "s", 1, "adds Retry-After to a refusal"),
    ROW(SIM_RETRY_MS, "retry-ms", "ms", 200, "adds retry-after-ms to a refusal"),
    ROW(SIM_RETRY_DATE, "retry-date", NULL, 0, "adds Retry-After as a date that is past"),
    ROW(SIM_FLAP, "flap", "failures", 2,
        "the chain's other behaviours (503 if there are none) hold for so many requests, then the "
        "provider is well"),
    ROW(SIM_CONTEXT_LENGTH, "context-length", NULL, 0, "400: the context window is exceeded"),
    ROW(SIM_QUOTA, "quota", NULL, 0, "429: the money is used up, without Retry-After"),
    ROW(SIM_REDIRECT, "redirect", NULL, 0, "307 to another origin"),
    ROW(SIM_ERROR_IN_200, "error-in-200", NULL, 0, "an error object with status 200"),
    ROW(SIM_HTML, "html", NULL, 0, "an HTML page (200, or the status given)"),
    ROW(SIM_PLAIN_ERROR, "plain-error", NULL, 0, "a refusal in plain text (500 unless given)"),
    ROW(SIM_EARLY, "early", NULL, 0,
        "a server's: refuses (413 unless given) at the end of the head, before the body"),

    ROW(SIM_REFUSED, "refused", "connections", 0,
        "a server's: resets connections when accepted (0: all); a request's: resets after its "
        "head"),
    ROW(SIM_RESET_BEFORE, "reset-before", NULL, 0, "resets before any byte of the answer"),
    ROW(SIM_FIN_BEFORE, "fin-before", NULL, 0, "closes in order before any byte of the answer"),
    ROW(SIM_RESET_HEAD, "reset-head", NULL, 0, "resets in the middle of the answer's head"),
    ROW(SIM_RESET_MID, "reset-mid", "events", 2,
        "resets after so many events, or half of a whole answer"),
    ROW(SIM_FIN_MID, "fin-mid", "events", 2,
        "closes in order after so many events, or half of a whole answer"),
    ROW(SIM_CLOSE, "close", NULL, 0, "announces Connection: close and does"),
    ROW(SIM_STALE, "stale", NULL, 0, "closes after the answer without announcing it"),

    ROW(SIM_TRUNCATED_CHUNK, "truncated-chunk", NULL, 0, "closes in the middle of a chunk"),
    ROW(SIM_SHORT_CONTENT_LENGTH, "short-content-length", "bytes", 100,
        "announces so many bytes more than it sends, and closes"),
    ROW(SIM_EXTRA_BYTES, "extra-bytes", NULL, 0,
        "sends a second answer that nobody asked for behind the first"),
    ROW(SIM_DUP_CONTENT_LENGTH, "dup-content-length", NULL, 0, "two Content-Length that differ"),
    ROW(SIM_LENGTH_AND_CHUNKED, "length-and-chunked", NULL, 0,
        "Content-Length beside Transfer-Encoding"),
    ROW(SIM_BAD_CHUNK, "bad-chunk", NULL, 0, "a chunk size that is no number"),
    ROW(SIM_BAD_STATUS_LINE, "bad-status-line", NULL, 0, "a status line that is none"),
    ROW(SIM_FOLDED_HEADER, "folded-header", NULL, 0, "a header folded over two lines"),
    ROW(SIM_NO_LENGTH, "no-length", NULL, 0, "a body that ends with the connection"),
    ROW(SIM_HTTP10, "http10", NULL, 0, "answers as HTTP/1.0"),
    ROW(SIM_TRAILERS, "trailers", NULL, 0, "trailer fields behind a chunked body"),
    ROW(SIM_1XX_FLOOD, "1xx-flood", "answers", 1000, "so many interim answers first"),
    ROW(SIM_HEAD_BOMB, "head-bomb", "KB", 1024, "a head of this size"),
    ROW(SIM_ONE_BYTE_WRITES, "one-byte-writes", NULL, 0, "one write for each byte"),
    ROW(SIM_ONE_BYTE_CHUNKS, "one-byte-chunks", NULL, 0, "one chunk for each byte"),
    ROW(SIM_TWO_EVENTS_PER_WRITE, "two-events-per-write", NULL, 0,
        "two events in one chunk and one write"),
    ROW(SIM_SPLIT_EVENTS, "split-events", NULL, 0, "each event in two chunks and two writes"),
    ROW(SIM_SPLIT_UTF8, "split-utf8", NULL, 0,
        "cuts inside a character of several bytes, which the text then has"),

    ROW(SIM_GZIP, "gzip", NULL, 0, "compresses although nobody asked"),
    ROW(SIM_GZIP_BOMB, "gzip-bomb", "MB", 100, "a small body that unpacks to this size"),
    ROW(SIM_HUGE, "huge", "MB", 10, "an answer with this much text"),
    ROW(SIM_HUGE_EVENT, "huge-event", "MB", 10, "one event of this size in the stream"),
    ROW(SIM_ENDLESS, "endless", NULL, 0, "a stream that never ends"),
    ROW(SIM_EMPTY, "empty", NULL, 0, "200 with an empty body"),
    ROW(SIM_WRONG_TYPE, "wrong-type", NULL, 0, "the right body as text/plain"),
    ROW(SIM_MALFORMED_EVENT, "malformed-event", "event", 2,
        "this event is a line without a field, in sound framing"),
    ROW(SIM_MALFORMED_JSON, "malformed-json", "event", 2,
        "the JSON of this event (or of the body) stops in the middle, in sound framing"),
    ROW(SIM_INVALID_UTF8, "invalid-utf8", NULL, 0, "a byte in the text that is not UTF-8"),
    ROW(SIM_DEEP_JSON, "deep-json", "levels", 100000, "a body of nested arrays"),

    ROW(SIM_ERROR_IN_STREAM, "error-in-stream", "events", 2,
        "an error object after so many events, then the end"),
    ROW(SIM_ERROR_OPENROUTER, "error-openrouter", "events", 2,
        "the same as a chunk with finish_reason error"),
    ROW(SIM_NO_DONE, "no-done", NULL, 0, "a stream without its last mark"),
    ROW(SIM_NO_FINISH, "no-finish", NULL, 0, "a stream without a finish reason"),
    ROW(SIM_KEEPALIVE_COMMENTS, "keepalive-comments", NULL, 0, "comments between the events"),
    ROW(SIM_BLANK_LINES_FIRST, "blank-lines-first", NULL, 0, "blank lines before the body"),
    ROW(SIM_CRLF, "crlf", NULL, 0, "lines end with CR LF"),
    ROW(SIM_CR, "cr", NULL, 0, "lines of events end with CR"),
    ROW(SIM_BOM, "bom", NULL, 0, "a byte order mark before the body"),
    ROW(SIM_DATA_LINES, "data-lines", NULL, 0, "each event's data on two lines"),
    ROW(SIM_NO_SPACE, "no-space", NULL, 0, "no space after `data:`"),
    ROW(SIM_EVENT_FIELDS, "event-fields", NULL, 0, "`event`, `id` and `retry` lines too"),

    ROW(SIM_USAGE_MISSING, "usage-missing", NULL, 0, "no usage at all"),
    ROW(SIM_USAGE_ALWAYS, "usage-always", NULL, 0, "usage in a stream that did not ask"),
    ROW(SIM_USAGE_IN_CHOICE, "usage-in-choice", NULL, 0, "usage inside the last choice"),
    ROW(SIM_USAGE_IN_FINISH, "usage-in-finish", NULL, 0,
        "usage in the chunk with the finish reason"),
    ROW(SIM_USAGE_XGROQ, "usage-xgroq", NULL, 0, "usage as x_groq.usage of the last chunk"),
    ROW(SIM_USAGE_NULL_CHUNKS, "usage-null-chunks", NULL, 0, "\"usage\":null in each chunk"),
    ROW(SIM_USAGE_EVERY_CHUNK, "usage-every-chunk", NULL, 0, "usage so far in each chunk"),
    ROW(SIM_USAGE_CACHED, "usage-cached", "tokens", 8,
        "so many of the prompt's tokens came from a cache"),
    ROW(SIM_PROMPT_CACHE, "prompt-cache", "seconds", 300,
        "beginnings of prompts are cached for so long after their last use, and usage says so"),
    ROW(SIM_USAGE_CACHE_HIT, "usage-cache-hit", "tokens", 8, "the same in DeepSeek's words"),
    ROW(SIM_USAGE_WRITE_5M, "usage-write-5m", "tokens", 8,
        "so many of the prompt's tokens went into a cache for 5 minutes (Anthropic)"),
    ROW(SIM_USAGE_WRITE_1H, "usage-write-1h", "tokens", 8, "the same for an hour"),
    ROW(SIM_USAGE_COST, "usage-cost", "microdollars", 1234, "the cost beside the counts"),
    ROW(SIM_USAGE_NEGATIVE, "usage-negative", NULL, 0, "counts below zero"),
    ROW(SIM_USAGE_HUGE, "usage-huge", NULL, 0, "counts above 2^63"),
    ROW(SIM_USAGE_STRING, "usage-string", NULL, 0, "counts as text"),

    ROW(SIM_TOKENS, "tokens", "tokens", 100, "a text of so many tokens"),
    ROW(SIM_ECHO, "echo", NULL, 0, "the text of the last message again"),
    ROW(SIM_ECHO_RESULT, "echo-result", NULL, 0,
        "the text of the last tool result, if there is one"),
    ROW(SIM_ANNOUNCE, "announce", NULL, 0, "made-up text says first that it is simulated"),
    ROW(SIM_JSON, "json", NULL, 0, "a JSON object as text, by the schema if there is one"),
    ROW(SIM_BAD_JSON_ANSWER, "bad-json-answer", NULL, 0, "a JSON object that stops early"),
    ROW(SIM_REFUSAL, "refusal", NULL, 0, "politely refuses"),
    ROW(SIM_REPEAT, "repeat", NULL, 0, "the same few words again and again"),
    ROW(SIM_EMPTY_TEXT, "empty-text", NULL, 0, "a sound answer without text"),
    ROW(SIM_NULL_CONTENT, "null-content", NULL, 0, "a message whose content is null"),
    ROW(SIM_ENDS_BY_LENGTH, "finish-length", NULL, 0, "finish reason: length"),
    ROW(SIM_CONTENT_FILTER, "content-filter", NULL, 0, "finish reason: content_filter"),
    ROW(SIM_THINKING, "thinking", NULL, 0, "thinks first, in the words of the dialect"),
    ROW(SIM_THINKING_OMITTED, "thinking-omitted", NULL, 0,
        "shows of its thoughts the signature only (Anthropic)"),
    ROW(SIM_REDACTED, "redacted-thinking", NULL, 0, "a redacted thought first (Anthropic)"),
    ROW(SIM_CITATIONS, "citations", NULL, 0, "text with a citation (Anthropic)"),
    ROW(SIM_REASONING_CONTENT, "reasoning-content", NULL, 0, "thinks first, in DeepSeek's words"),
    ROW(SIM_REASONING_DETAILS, "reasoning-details", NULL, 0, "thinks first, in OpenRouter's words"),
    ROW(SIM_WRONG_MODEL, "wrong-model", NULL, 0, "names another model than was asked"),

    ROW(SIM_TOOLS, "tools", NULL, 0, "calls a tool of the request, arguments in fragments"),
    ROW(SIM_TOOLS_PARALLEL, "tools-parallel", "calls", 2, "calls several tools at once"),
    ROW(SIM_TOOLS_WHOLE, "tools-whole", NULL, 0, "a call with all its arguments in one event"),
    ROW(SIM_TOOLS_DONE_ONLY, "tools-done-only", NULL, 0,
        "a call whose arguments come without deltas (Responses)"),
    ROW(SIM_TOOLS_WITH_TEXT, "tools-with-text", NULL, 0, "text, then a call"),
    ROW(SIM_TOOLS_NO_ID, "tools-no-id", NULL, 0, "a call without an id"),
    ROW(SIM_TOOLS_ODD_ID, "tools-odd-id", NULL, 0, "ids such as functions.0123:0"),
    ROW(SIM_TOOLS_BAD_JSON, "tools-bad-json", NULL, 0, "arguments that are no JSON"),
    ROW(SIM_TOOLS_EMPTY_LIST, "tools-empty-list", NULL, 0, "text beside an empty list of calls"),
    ROW(SIM_TOOLS_UNKNOWN, "tools-unknown", NULL, 0, "calls a tool that was not offered"),
};

static bool is_separator(char byte)
{
    return byte == '-' || byte == '+' || byte == ',' || byte == ' ';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The row whose name is the longest beginning of `text`, or SIM_BEHAVIOURS. */
static size_t find_row(struct slice text)
{
    size_t found = SIM_BEHAVIOURS;
    size_t longest = 0;

    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        struct slice name = sim_behaviour_rows[i].name;
        bool ends =
            text.len == name.len || (text.len > name.len && is_separator(text.ptr[name.len]));
        if (ends && name.len > longest && slice_starts(text, name)) {
            longest = name.len;
            found = i;
        }
    }
    return found;
}

/* "-200ms" at the front of *text; false on a number out of range. */
static bool take_number(struct slice *text, const char *unit, uint32_t *ret_number)
{
    size_t digits = 1;
    uint64_t value = 0;

    if (text->len < 2 || text->ptr[0] != '-' || !is_digit(text->ptr[1])) {
        return true;
    }
    while (digits < text->len && is_digit(text->ptr[digits])) {
        digits++;
    }
    if (!slice_to_u64(slice_of(text->ptr + 1, digits - 1), &value) || value > NUMBER_MAX) {
        return false;
    }
    *ret_number = (uint32_t)value;
    *text = slice_from(*text, digits);
    if (slice_starts(*text, slice_from_cstr(unit))) {
        *text = slice_from(*text, strlen(unit));
    }
    return true;
}

bool sim_behaviours_add(struct sim_behaviours *set, struct slice chain)
{
    struct sim_behaviours found = *set;

    while (chain.len > 0) {
        size_t row = find_row(chain);
        if (row == SIM_BEHAVIOURS) {
            return false;
        }
        const struct sim_behaviour_row *known = &sim_behaviour_rows[row];
        chain = slice_from(chain, known->name.len);
        found.on[row] = true;
        found.number[row] = known->fallback;
        if (known->number != NULL && !take_number(&chain, known->number, &found.number[row])) {
            return false;
        }
        if (chain.len > 0 && !is_separator(chain.ptr[0])) {
            return false;
        }
        chain = slice_from(chain, 1);
    }
    *set = found;
    return true;
}

/* --- where chains stand --- */

bool sim_behaviours_of_model(struct sim_behaviours *set, struct slice model,
                             struct slice *ret_unknown)
{
    static const struct slice marks[] = {SLICE_INIT("fault-"), SLICE_INIT("sim-")};

    for (size_t at; (at = slice_find(model, '/')) != SIZE_MAX;) { /* the vendor */
        model = slice_from(model, at + 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        size_t at = slice_find_slice(model, marks[i]);
        if (at != SIZE_MAX && (at == 0 || is_separator(model.ptr[at - 1]))) {
            *ret_unknown = slice_from(model, at + marks[i].len);
            return sim_behaviours_add(set, *ret_unknown);
        }
    }
    if (model.len == 0 || sim_behaviours_add(set, model)) {
        return true;
    }
    size_t at = slice_find(model, '+');
    if (at == SIZE_MAX) {
        at = slice_find(model, ':');
    }
    /* "llama2:7b" and the like are models: not an error. */
    bool added = at == SIZE_MAX || sim_behaviours_add(set, slice_from(model, at + 1));
    (void)added;
    return true;
}

bool sim_behaviours_of_body(struct sim_behaviours *set, struct slice body,
                            struct slice *ret_unknown)
{
    static const struct slice mark = SLICE_INIT("[[sim:");
    struct slice last = SLICE_EMPTY;

    for (;;) {
        size_t at = slice_find_slice(body, mark);
        if (at == SIZE_MAX) {
            break;
        }
        body = slice_from(body, at + mark.len);
        last = body;
    }
    if (last.ptr == NULL) {
        return true;
    }
    size_t end = slice_find(last, ']');
    *ret_unknown = slice_of(last.ptr, end == SIZE_MAX ? last.len : end);
    return end != SIZE_MAX && sim_behaviours_add(set, *ret_unknown);
}

void sim_behaviours_merge(struct sim_behaviours *set, const struct sim_behaviours *more)
{
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        if (more->on[i] && !set->on[i]) {
            set->on[i] = true;
            set->number[i] = more->number[i];
        }
    }
}

bool sim_behaviours_any(const struct sim_behaviours *set)
{
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        if (set->on[i]) {
            return true;
        }
    }
    return false;
}
