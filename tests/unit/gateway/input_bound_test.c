/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing goes upstream that is not in the bound of its input: of a rich request in each dialect,
 * every single text (names of members too) grows by ten kilobytes in turn, and every single object
 * gets a member that nobody knows. Whatever is still a request afterwards must hold as much more as
 * it has become longer; where texts are counted, as the longer one has more tokens. Only base64 of
 * media, which has a bound of its own, may grow for nothing.
 */
#include "gateway/attempt_bound.h"

#include "base/memory.h"
#include "model/tokenizers.h"
#include "route/features.h"
#include "route/token_count.h"
#include "tests/tap.h"
#include "tests/unit/dialect/fixture.h"

#define MORE 10000
#define MEDIA "AAAA" /* how base64 of media begins here, and nothing else */

#define IMAGE_URL "{\"url\":\"data:image/png;base64,AAAA\",\"detail\":\"high\"}"
#define SCHEMA "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"

static const struct {
    enum dialect_id dialect;
    enum operation operation;
    const char *body;
} rows[] = {
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
     "{\"role\":\"user\",\"name\":\"ann\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},"
     "{\"type\":\"image_url\",\"image_url\":" IMAGE_URL "},"
     "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}},"
     "{\"type\":\"mystery\",\"it\":{\"is\":\"dark\"}}]},"
     "{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":\"no\",\"reasoning_content\":\"hm\","
     "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"q83v\"}],"
     "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"arguments\":\"{\\\"a\\\":\\\"b\\\"}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"done\"}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
     "\"parameters\":" SCHEMA "}}],\"tool_choice\":\"auto\",\"user\":\"u\",\"stop\":[\"s\"],"
     "\"metadata\":{\"k\":\"v\"},\"prediction\":{\"type\":\"content\",\"content\":\"p\"},"
     "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
     "\"description\":\"d\",\"schema\":" SCHEMA "}}}"},
    {DIALECT_OPENAI_COMPLETIONS, OPERATION_COMPLETION,
     "{\"model\":\"m\",\"prompt\":\"Once\",\"suffix\":\"end\",\"user\":\"u\",\"stop\":[\"s\"]}"},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING,
     "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"user\":\"u\"}"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"model\":\"m\",\"instructions\":\"Be brief.\",\"input\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"input_text\",\"text\":\"Hi\"},"
     "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AAAA\"}]},"
     "{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"t\"}]"
     ",\"encrypted_content\":\"q83v\"},{\"type\":\"message\",\"role\":\"assistant\",\"id\":\"m1\","
     "\"content\":[{\"type\":\"output_text\",\"text\":\"x\",\"annotations\":[{\"title\":\"t\"}]}]},"
     "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
     "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"done\"}],"
     "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"description\":\"d\",\"parameters\":" SCHEMA
     "}],\"metadata\":{\"k\":\"v\"},\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
     "\"description\":\"d\",\"schema\":" SCHEMA "}}}"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"model\":\"m\",\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\","
     "\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":[{\"role\":\"user\",\"content\":["
     "{\"type\":\"text\",\"text\":\"Hi\",\"citations\":[{\"cited_text\":\"c\"}]},"
     "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
     "\"data\":\"AAAA\"}},{\"type\":\"document\",\"title\":\"t\",\"context\":\"c\",\"source\":"
     "{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"d\"}}]},"
     "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\","
     "\"signature\":\"q83v\"},{\"type\":\"redacted_thinking\",\"data\":\"q83v\"},"
     "{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"a\":\"b\"}}]},"
     "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":["
     "{\"type\":\"text\",\"text\":\"r\"},{\"type\":\"document\",\"title\":\"t\",\"context\":\"c\","
     "\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"d\"}}]}]}],"
     "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":" SCHEMA "}],"
     "\"metadata\":{\"user_id\":\"u\"},\"stop_sequences\":[\"s\"]}"},
    {DIALECT_GEMINI, OPERATION_CHAT,
     "{\"systemInstruction\":{\"parts\":[{\"text\":\"Be brief.\"}]},\"contents\":[{\"role\":"
     "\"user\",\"parts\":[{\"text\":\"Hi\"},{\"inlineData\":{\"mimeType\":\"image/png\","
     "\"data\":\"AAAA\"}}]},{\"role\":\"model\",\"parts\":[{\"text\":\"t\",\"thought\":true,"
     "\"thoughtSignature\":\"q83v\"},{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":\"b\"}}}]},"
     "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":"
     "{\"r\":\"v\"}}}]}],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
     "\"description\":\"d\",\"parameters\":" SCHEMA "}]}],\"labels\":{\"k\":\"v\"},"
     "\"generationConfig\":{\"stopSequences\":[\"s\"],\"responseMimeType\":\"application/json\","
     "\"responseSchema\":" SCHEMA "}}"},
    {DIALECT_OLLAMA, OPERATION_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\",\"images\":[\"AAAA\"]},"
     "{\"role\":\"assistant\",\"content\":\"x\",\"thinking\":\"t\",\"tool_calls\":[{\"function\":"
     "{\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}}]},{\"role\":\"tool\",\"tool_name\":\"f\","
     "\"content\":\"r\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"description\":\"d\",\"parameters\":" SCHEMA "}}],\"format\":" SCHEMA ","
     "\"keep_alive\":\"5m\",\"options\":{\"stop\":[\"s\"],\"own\":\"o\"}}"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION,
     "{\"model\":\"m\",\"prompt\":\"Once\",\"suffix\":\"end\",\"system\":\"s\",\"template\":\"t\","
     "\"images\":[\"AAAA\"],\"context\":[1,2],\"options\":{\"stop\":[\"s\"]}}"},
};

static char more[MORE + 1];
static int64_t more_tokens;
static struct tokenizers *tokenizers;
static const struct tokenizer *tokenizer;
static struct call *call;
static struct target target;
static struct features features;

struct bounds {
    int64_t bytes;   /* by bytes alone */
    int64_t counted; /* with the texts counted */
};

/* False: it is no request. */
static bool bounds_of(size_t row, struct slice body, struct bounds *ret_bounds)
{
    struct request request;
    struct attempt_bound bound;
    request_read_as(&request, rows[row].dialect, rows[row].operation, body);
    if (request.ok) {
        features_extract(&request.chat, &features);
        call->chat = request.chat;
        call->tokens = features.tokens;
        call->counted = 0;
        attempt_bound(call, 0, &bound);
        ret_bounds->bytes = bound.input;
        EXPECT(tokens_count(&request.chat, tokenizer, &call->counted_tokens));
        call->counted = target.encoding;
        attempt_bound(call, 0, &bound);
        ret_bounds->counted = bound.input;
    }
    request_release(&request);
    return request.ok;
}

static bool begin(void)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
    struct token_scratch *scratch = token_scratch_new();
    uint32_t state = 1;
    size_t tokens = 0;
    for (size_t i = 0; i < MORE; i++) {
        state = state * 1664525 + 1013904223;
        more[i] = letters[state >> 26];
    }
    tokenizers = tokenizers_new();
    tokenizer = tokenizers_get(tokenizers, TOKENS_O200K, true);
    call = memory_array(1, sizeof *call);
    target = (struct target){.price = {.known = true}, .encoding = 1 + TOKENS_O200K};
    if (tokenizer == NULL || call == NULL || scratch == NULL ||
        !tokenizer_count(tokenizer, slice_of(more, MORE), scratch, &tokens)) {
        return false;
    }
    token_scratch_free(scratch);
    call->attempt.target = &target;
    call->attempt.lane = LANE_VERBATIM;
    more_tokens = (int64_t)tokens;
    return true;
}

/* The body with ten kilobytes put in at that place, as they are or as a `member` that nobody knows.
 * False: no request any more. */
static bool grown(size_t row, struct slice body, size_t at, bool member, struct bounds *ret_bounds)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    buf_append(&out, slice_of(body.ptr, at));
    buf_append_cstr(&out, member ? "\"nobody knows\":\"" : "");
    buf_append(&out, slice_of(more, MORE));
    buf_append_cstr(&out, member ? "\"," : "");
    buf_append(&out, slice_from(body, at));
    bool ok = bounds_of(row, buf_slice(&out), ret_bounds);
    buf_release(&out);
    return ok;
}

static bool expect_grown(size_t row, struct slice body, size_t at, bool member,
                         const struct bounds *before)
{
    struct bounds after;
    if (!grown(row, body, at, member, &after)) {
        return false;
    }
    if (after.bytes < before->bytes + MORE || after.counted < before->counted + more_tokens) {
        tap_point_failed = true;
        printf("# row %zu: %lld and %lld more after: %.*s\n", row,
               (long long)(after.bytes - before->bytes),
               (long long)(after.counted - before->counted), (int)at, body.ptr);
    }
    return true;
}

/* Media, and names without which there are none or no tools: those cost more than their bytes. */
static bool is_left(struct slice body, size_t end)
{
    static const struct slice texts[] = {
        SLICE_INIT(MEDIA), SLICE_INIT("\"tools"), SLICE_INIT("\"images")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t len = texts[i].len;
        if (end >= len && slice_eq(slice_of(body.ptr + end - len, len), texts[i])) {
            return true;
        }
    }
    return false;
}

/* Every text of the body, every object. How many changes were requests? */
static unsigned grow_all(size_t row, const struct bounds *before)
{
    struct slice body = slice_from_cstr(rows[row].body);
    unsigned requests = 0;
    bool inside = false;
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '\\') {
            i++;
        } else if (body.ptr[i] == '"') {
            requests += inside && !is_left(body, i) &&
                        expect_grown(row, body, i, false, before);
            inside = !inside;
        } else if (body.ptr[i] == '{' && !inside) {
            requests += expect_grown(row, body, i + 1, true, before);
        }
    }
    return requests;
}

static void all_that_is_sent_is_held(void)
{
    struct bounds before;
    CHECK(begin());
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        bool ok = bounds_of(row, slice_from_cstr(rows[row].body), &before);
        EXPECT(ok);
        unsigned requests = ok ? grow_all(row, &before) : 0;
        EXPECT(requests >= 5);
    }
}

/* Pictures have a bound of their own, whatever their bytes. */
static void bytes_of_pictures_are_no_tokens(void)
{
    struct bounds before;
    struct bounds after;
    const char *picture = strstr(rows[0].body, "base64," MEDIA);
    size_t at = (size_t)(picture - rows[0].body) + strlen("base64," MEDIA);
    EXPECT(bounds_of(0, slice_from_cstr(rows[0].body), &before));
    EXPECT(grown(0, slice_from_cstr(rows[0].body), at, false, &after));
    EXPECT_INT(after.bytes, before.bytes);
    EXPECT_INT(after.counted, before.counted);
}

/* A body of ours: what was lost of the client's makes no room for what was added. */
static void what_translation_adds_is_held(void)
{
    static char text[2 * MORE];
    struct slice body = slice_from_cstr(rows[0].body);
    struct bounds whole;
    struct bounds lossy;
    memset(text, 'x', sizeof(text));
    CHECK(body.len < MORE);
    EXPECT(bounds_of(0, body, &whole));
    call->attempt.lane = LANE_TRANSLATE;
    call->attempt.body = (struct buf){.ptr = text, .len = body.len + MORE};
    EXPECT(bounds_of(0, body, &lossy));
    EXPECT_INT(lossy.bytes, whole.bytes + MORE);
    call->attempt.loss.count = 1; /* and the picture and the sound are not in it */
    EXPECT(bounds_of(0, body, &lossy));
    EXPECT_INT(lossy.bytes, whole.bytes + MORE + 2 * (int64_t)strlen(MEDIA));
    memcpy(text + 100, MEDIA MEDIA, 2 * strlen(MEDIA));
    EXPECT(bounds_of(0, body, &lossy));
    EXPECT_INT(lossy.bytes, whole.bytes + MORE);
}

int main(void)
{
    TEST(all_that_is_sent_is_held, "all that is sent is in the bound, known or not");
    TEST(bytes_of_pictures_are_no_tokens, "bytes of pictures are no tokens");
    TEST(what_translation_adds_is_held, "what translation adds is held");
    memory_free(call);
    tokenizers_free(tokenizers);
    return tap_done();
}
