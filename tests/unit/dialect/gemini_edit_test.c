/* SPDX-License-Identifier: Apache-2.0 */
/* The edit lane of Gemini, byte for byte: what is listed changes, nothing else does. */
#include "base/random.h"
#include "tests/unit/dialect/fixture.h"

static void expect_edit(enum operation operation, const char *body, struct request_change change,
                        const char *wanted, size_t wanted_edits)
{
    struct request request;
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    size_t edits = SIZE_MAX;
    request_read_as(&request, DIALECT_GEMINI, operation, slice_from_cstr(body));
    EXPECT(request.ok);
    if (request.ok) {
        EXPECT(dialect_of(DIALECT_GEMINI)->edit_request(&request.chat, &change, &out, &edits));
        EXPECT_SLICE(buf_slice(&out), wanted);
        EXPECT_INT(edits, wanted_edits);
    }
    request_release(&request);
    buf_release(&out);
}

#define C "\"contents\" : [{\"parts\":[{ \"text\":\"hi\"}]}]"
#define MODEL(name) ((struct request_change){.model = SLICE(name)})
#define CLAMP(tokens) ((struct request_change){.model = SLICE("m"), .clamp_max_tokens = (tokens)})

static void changes_nothing_when_nothing_is_asked(void)
{
    const char *body =
        " {\n " C ",\"x\":1.50E+2 , \"generationConfig\":{\"maxOutputTokens\":5e0}}\n";
    expect_edit(OPERATION_CHAT, body, MODEL("m"), body, 0);
    expect_edit(OPERATION_CHAT, body, (struct request_change){0}, body, 0);
    expect_edit(OPERATION_CHAT, body, CLAMP(5), body, 0);
    expect_edit(OPERATION_CHAT, "{" C ",\"model\":\"m\"}", MODEL("m"), "{" C ",\"model\":\"m\"}",
                0);
    expect_edit(OPERATION_CHAT, "{" C ",\"model\":\"models\\/m\"}", MODEL("m"),
                "{" C ",\"model\":\"models\\/m\"}", 0);
    expect_edit(OPERATION_CHAT, "{" C ",\"model\":\"x\"}", (struct request_change){0},
                "{" C ",\"model\":\"x\"}", 0);
}

static void names_the_target_wherever_a_model_stands(void)
{
    expect_edit(OPERATION_CHAT, "{ \"model\" : \"auto\" ," C "}", MODEL("g\"1\""),
                "{ \"model\" : \"models/g\\\"1\\\"\" ," C "}", 1);
    expect_edit(OPERATION_CHAT, "{ \"model\" : null," C "}", MODEL("tunedModels/t"),
                "{ \"model\" : \"tunedModels/t\"," C "}", 1);
    expect_edit(OPERATION_TOKEN_COUNT,
                "{\"generateContentRequest\" : {\"model\":\"models/auto\"," C "}}", MODEL("m"),
                "{\"generateContentRequest\" : {\"model\":\"models/m\"," C "}}", 1);
    expect_edit(OPERATION_EMBEDDING,
                "{\"model\":\"models/auto\",\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
                MODEL("m"), "{\"model\":\"models/m\",\"content\":{\"parts\":[{\"text\":\"a\"}]}}",
                1);
}

static void names_the_target_in_each_input(void)
{
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct buf wanted = BUF_INIT(FIXTURE_LIMIT);
    for (int both = 0; both < 2; both++) {
        struct buf *out = both == 0 ? &body : &wanted;
        buf_append(out, both == 0 ? SLICE("{ \"sluice\":{}, \"requests\" : [")
                                  : SLICE("{ \"requests\" : ["));
        for (int i = 0; i < 40; i++) {
            buf_printf(out,
                       "%s{ \"model\":\"models/%s\",\"content\":{\"parts\":[{\"text\":\"t%d\"}]}}",
                       i > 0 ? ", " : "", both == 0 ? "auto" : "m", i);
        }
        buf_append(out, SLICE(", {\"content\":{\"parts\":[{\"text\":\"none\"}]}}] }"));
        buf_append_char(out, '\0');
    }
    expect_edit(OPERATION_EMBEDDING, body.ptr, MODEL("m"), wanted.ptr, 41);
    expect_edit(OPERATION_EMBEDDING, wanted.ptr, MODEL("m"), wanted.ptr, 0);
    buf_release(&body);
    buf_release(&wanted);
}

static void lowers_and_adds_the_limit(void)
{
    expect_edit(OPERATION_CHAT,
                "{" C ",\"generationConfig\":{\"maxOutputTokens\" : 50,\"topK\":1}}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\" : 7,\"topK\":1}}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"generation_config\":{\"max_output_tokens\":50}}",
                CLAMP(7), "{" C ",\"generation_config\":{\"max_output_tokens\":7}}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"generationConfig\":{\"maxOutputTokens\":null}}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\":7}}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"generationConfig\":{\"topK\":1 }}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"topK\":1,\"maxOutputTokens\":7 }}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"generationConfig\":{}}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\":7}}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"generationConfig\":null}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\":7}}", 1);
    expect_edit(OPERATION_CHAT, "{" C "}", CLAMP(INT64_MAX),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\":9223372036854775807}}", 1);
    expect_edit(OPERATION_CHAT, "{" C ",\"requests\":[]}", CLAMP(7),
                "{" C ",\"requests\":[],\"generationConfig\":{\"maxOutputTokens\":7}}", 1);
    expect_edit(OPERATION_TOKEN_COUNT, "{" C "}", CLAMP(7), "{" C "}", 0);
}

static void removes_our_own_member(void)
{
    expect_edit(OPERATION_CHAT, "{\"sluice\":{\"strict\":true}, " C "}", MODEL("m"), "{" C "}", 1);
    expect_edit(OPERATION_CHAT, "{" C ", \"sluice\":null}", CLAMP(7),
                "{" C ",\"generationConfig\":{\"maxOutputTokens\":7}}", 2);
    expect_edit(
        OPERATION_CHAT,
        "{\"model\":\"a\",\"sluice\":{}," C ",\"generationConfig\":{\"maxOutputTokens\":9}}",
        CLAMP(7), "{\"model\":\"models/m\"," C ",\"generationConfig\":{\"maxOutputTokens\":7}}", 3);
}

/* --- signatures --- */

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    *ret_state = (struct opaque_state){.dialect = DIALECT_GEMINI, .call_signature = SLICE("c2ln")};
    return slice_eq(call_id, SLICE("known"));
}

#define SIGNED(name)                                                                               \
    ((struct request_change){.model = SLICE(name), .recall = recall, .clamp_max_tokens = 7})
#define LIMIT "\"generationConfig\":{\"maxOutputTokens\":7}"
#define SAYS "{\"parts\":[{\"text\":\"x\"}]}"
#define CALL(id, after)                                                                            \
    "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"" id "\",\"name\":\"f\"}" after    \
    "},{\"functionCall\":{\"name\":\"g\"}}]}"
#define RESULT(id)                                                                                 \
    "{\"parts\":[{\"functionResponse\":{\"id\":\"" id "\",\"name\":\"f\",\"response\":{}}},"       \
    "{\"functionResponse\":{\"name\":\"g\",\"response\":{}}}]}"
#define KEPT ",\"thoughtSignature\":\"c2ln\""
#define SKIPPED                                                                                    \
    ",\"thoughtSignature\":\""                                                                     \
    "skip_thought_signature_validator\""

/* Case 31, in Google's own dialect. */
static void puts_dropped_signatures_back(void)
{
#define OLD SAYS "," CALL("old", "") "," RESULT("old") "," SAYS ","
#define OWN CALL("own", ",\"thought_signature\":\"b3du\"") "," RESULT("own") "]," LIMIT "}"
    expect_edit(OPERATION_CHAT,
                "{\"sluice\":{},\"contents\":[" OLD CALL("known", " ") "," RESULT("known") "," CALL(
                    "new", "") "," RESULT("new") "," OWN,
                SIGNED("gemini-3-flash"),
                "{\"contents\":[" OLD CALL("known", " " KEPT) "," RESULT("known") "," CALL(
                    "new", SKIPPED) "," RESULT("new") "," OWN,
                3);
}

static void signs_only_what_google_looks_at(void)
{
    const char *unsigned_calls =
        "{\"contents\":[" CALL("new", "") "," CALL("b", "") "," RESULT("new") "]," LIMIT "}";
    expect_edit(OPERATION_CHAT, unsigned_calls, SIGNED("gemini-2.5-pro"), unsigned_calls, 0);
    expect_edit(OPERATION_CHAT, unsigned_calls, CLAMP(7), unsigned_calls, 0);
    expect_edit(OPERATION_TOKEN_COUNT, unsigned_calls, SIGNED("gemini-3"), unsigned_calls, 0);
    expect_edit(
        OPERATION_CHAT, unsigned_calls, SIGNED("gemini-3"),
        "{\"contents\":[" CALL("new", SKIPPED) "," CALL("b", "") "," RESULT("new") "]," LIMIT "}",
        1);
    expect_edit(OPERATION_CHAT,
                "{\"contents\":[{\"role\":\"model\","
                "\"parts\":{\"function_call\":{\"name\":\"f\"}}}]}",
                SIGNED("gemini-3"),
                "{\"contents\":[{\"role\":\"model\","
                "\"parts\":{\"function_call\":{\"name\":\"f\"}" SKIPPED "}}]," LIMIT "}",
                2);
    expect_edit(OPERATION_CHAT,
                "{\"contents\":{\"role\":\"model\","
                "\"parts\":{\"text\":\"x\"}}," LIMIT "}",
                SIGNED("gemini-3"),
                "{\"contents\":{\"role\":\"model\","
                "\"parts\":{\"text\":\"x\"}}," LIMIT "}",
                0);
    expect_edit(OPERATION_CHAT,
                "{\"contents\":[{\"parts\":{\"text\":\"x\"}},{\"role\":\"model\","
                "\"parts\":[{"
                "\"text\":\"y\"}]}]," LIMIT "}",
                SIGNED("gemini-3"),
                "{\"contents\":[{\"parts\":{\"text\":\"x\"}},{\"role\":\"model\","
                "\"parts\":[{"
                "\"text\":\"y\"}]}]," LIMIT "}",
                0);
}

/* Members that nobody knows, in any order and spacing, go through byte for byte. */
static void unknown_members_stay_as_they_are(void)
{
    static const char *const values[] = {
        "1e5", "\"\\u00e9\\/\"", "[ 1 , {} ]", "{ \"a\" : null }", "-0", "true"};
    struct random random;
    random_seed(&random, 11);
    for (int round = 0; round < 200; round++) {
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        buf_append(&body, SLICE("{"));
        size_t count = random_below(&random, 6);
        for (size_t i = 0; i < count; i++) {
            buf_printf(&body, "%s\"later%zu\"%s:%s,", random_below(&random, 2) == 0 ? "" : "\n ", i,
                       random_below(&random, 2) == 0 ? "" : " ",
                       values[random_below(&random, ARRAY_LEN(values))]);
        }
        buf_append_cstr(&body,
                        C ", \"generationConfig\": {\"later\": 1.0, \"maxOutputTokens\":3 } }\n");
        buf_append_char(&body, '\0');
        expect_edit(OPERATION_CHAT, body.ptr, CLAMP(3), body.ptr, 0);
        buf_release(&body);
    }
}

int main(void)
{
    TEST(changes_nothing_when_nothing_is_asked, "nothing changes when nothing is asked");
    TEST(names_the_target_wherever_a_model_stands, "a model in the body becomes the target's");
    TEST(names_the_target_in_each_input, "so does that of each of many inputs");
    TEST(lowers_and_adds_the_limit, "the limit is lowered or added");
    TEST(removes_our_own_member, "our own member is removed");
    TEST(puts_dropped_signatures_back, "signatures that were dropped are put back");
    TEST(signs_only_what_google_looks_at, "only calls that Google checks are signed");
    TEST(unknown_members_stay_as_they_are, "unknown members stay as they are");
    return tap_done();
}
