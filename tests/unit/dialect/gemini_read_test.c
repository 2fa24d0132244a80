/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini's requests: what the canonical chat says of them, and what is refused, with which
 * pointer. */
#include "tests/unit/dialect/fixture.h"

static void read_as(struct request *request, enum operation operation, const char *text)
{
    request_read_as(request, DIALECT_GEMINI, operation, slice_from_cstr(text));
    if (!request->ok) {
        printf("# %s at %s: %s\n# %s\n", request->error.code, request->error.pointer,
               request->error.text, text);
    }
    EXPECT(request->ok);
}

static void read_text(struct request *request, const char *text)
{
    read_as(request, OPERATION_CHAT, text);
}

static void expect_refused_as(enum operation operation, const char *text, const char *code,
                              const char *pointer)
{
    struct request request;
    request_read_as(&request, DIALECT_GEMINI, operation, slice_from_cstr(text));
    if (request.ok) {
        printf("# taken: %s\n", text);
        EXPECT(false);
    } else {
        EXPECT_SLICE(slice_from_cstr(request.error.code), code);
        EXPECT_SLICE(slice_from_cstr(request.error.pointer), pointer);
    }
    request_release(&request);
}

static void expect_refused(const char *text, const char *code, const char *pointer)
{
    expect_refused_as(OPERATION_CHAT, text, code, pointer);
}

#define HELLO "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]"
#define CALL                                                                                       \
    "{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]},{\"role\":\"model\",\"parts\":["             \
    "{\"functionCall\":{\"name\":\"f\"}},{\"functionCall\":{\"id\":\"b\",\"name\":\"f\"}},"        \
    "{\"functionCall\":{\"name\":\"g\",\"args\":null}}]}"

/* --- the top level --- */

static void the_config_says_what_it_says(void)
{
    struct request r;
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"temperature\":0.5,\"topP\":1,\"topK\":3,"
                  "\"maxOutputTokens\":7,\"stopSequences\":[\"a\",\"b\"],\"candidateCount\":2,"
                  "\"seed\":-1,\"presencePenalty\":0.1,\"frequencyPenalty\":0.2,"
                  "\"responseLogprobs\":true,\"logprobs\":5}}");
    EXPECT_SLICE(r.chat.temperature, "0.5");
    EXPECT_SLICE(r.chat.top_p, "1");
    EXPECT_SLICE(r.chat.top_k, "3");
    EXPECT_INT(r.chat.max_tokens, 7);
    EXPECT_INT(r.chat.stop_count, 2);
    EXPECT_SLICE(r.chat.stop[1], "b");
    EXPECT_INT(r.chat.choices, 2);
    EXPECT_SLICE(r.chat.seed, "-1");
    EXPECT_SLICE(r.chat.presence_penalty, "0.1");
    EXPECT_SLICE(r.chat.frequency_penalty, "0.2");
    EXPECT(r.chat.logprobs);
    EXPECT_SLICE(r.chat.top_logprobs, "5");
    EXPECT_INT(r.chat.extra_count, 0);
    EXPECT_INT(r.chat.dialect, DIALECT_GEMINI);
    EXPECT_INT(r.chat.needs, CAPABILITY_LOGPROBS);
    request_release(&r);
}

static void nothing_given_is_nothing_said(void)
{
    struct request r;
    read_text(&r,
              "{" HELLO ",\"generationConfig\":null,\"tools\":null,\"toolConfig\":null,"
              "\"systemInstruction\":null,\"sluice\":null,\"serviceTier\":null,\"model\":null}");
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.max_tokens, 0);
    EXPECT_INT(r.chat.thinking, THINKING_UNSET);
    EXPECT(r.chat.tools == NULL && r.chat.stop == NULL && r.chat.reasoning_effort.ptr == NULL);
    request_release(&r);
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"temperature\":null,\"stopSequences\":null,"
                  "\"maxOutputTokens\":null,\"candidateCount\":null,\"thinkingConfig\":null},"
                  "\"tools\":[],\"toolConfig\":{\"functionCallingConfig\":null}}");
    EXPECT_INT(r.chat.choices, 1);
    EXPECT(r.chat.tools == NULL);
    request_release(&r);
}

static void both_spellings_are_taken_but_not_at_once(void)
{
    struct request r;
    read_text(&r, "{" HELLO ",\"generation_config\":{\"max_output_tokens\":7,\"top_p\":1},"
                  "\"system_instruction\":{\"parts\":{\"text\":\"s\"}}}");
    EXPECT_INT(r.chat.max_tokens, 7);
    EXPECT_SLICE(r.chat.top_p, "1");
    EXPECT_INT(r.chat.messages[0].role, ROLE_SYSTEM);
    request_release(&r);
    expect_refused("{" HELLO ",\"generationConfig\":{},\"generation_config\":{}}",
                   "ambiguous_member", "/generation_config");
    expect_refused("{" HELLO ",\"generationConfig\":{\"maxOutputTokens\":1,"
                   "\"max_output_tokens\":2}}",
                   "ambiguous_member", "/generationConfig/max_output_tokens");
    expect_refused("{" HELLO "," HELLO "}", "duplicate_member", "/contents");
    expect_refused("{" HELLO ",\"generationConfig\":{\"topP\":1,\"topP\":2}}", "duplicate_member",
                   "/generationConfig/topP");
    expect_refused("{" HELLO ",\"Contents\":[]}", "ambiguous_member", "/contents");
    expect_refused("{" HELLO ",\"generationConfig\":{\"MaxOutputTokens\":9}}", "ambiguous_member",
                   "/generationConfig/maxOutputTokens");
}

static void the_model_of_the_body_must_be_that_of_the_path(void)
{
    struct request r;
    memset(&r, 0, sizeof r);
    json_doc_init(&r.doc);
    arena_init(&r.arena, FIXTURE_LIMIT);
    r.chat.model = SLICE("auto");
    r.chat.stream = true;
    struct slice body = SLICE("{" HELLO ",\"model\":\"models\\/auto\"}");
    EXPECT(dialect_of(DIALECT_GEMINI)->read_request(body, &r.doc, &r.arena, &r.chat, &r.error));
    EXPECT_SLICE(r.chat.model, "auto");
    EXPECT(r.chat.stream && r.chat.include_usage);
    body = SLICE("{" HELLO ",\"model\":\"models/dear\"}");
    EXPECT(!dialect_of(DIALECT_GEMINI)->read_request(body, &r.doc, &r.arena, &r.chat, &r.error));
    EXPECT_SLICE(slice_from_cstr(r.error.code), "conflicting_members");
    EXPECT_SLICE(slice_from_cstr(r.error.pointer), "/model");
    request_release(&r);
    read_text(&r, "{" HELLO ",\"model\":\"models/told\"}");
    EXPECT_SLICE(r.chat.model, "told");
    request_release(&r);
}

static void what_is_unknown_is_kept(void)
{
    struct request r;
    read_text(&r, "{" HELLO ",\"safetySettings\":[1],\"content\":{},\"sluice\":{\"a\":1},"
                  "\"serviceTier\":\"standard\",\"generationConfig\":{\"speechConfig\":{},"
                  "\"thinkingConfig\":{\"new\":1}}}");
    EXPECT_INT(r.chat.extra_count, 4);
    EXPECT_SLICE(r.chat.extras[0].key, "safetySettings");
    EXPECT_SLICE(r.chat.extras[1].key, "content");
    EXPECT_SLICE(r.chat.extras[2].key, "speechConfig");
    EXPECT_SLICE(r.chat.extras[3].key, "new");
    EXPECT_SLICE(r.chat.service_tier, "default");
    EXPECT(r.chat.sluice != JSON_ABSENT && r.chat.policy_given);
    request_release(&r);
}

static const struct {
    const char *member;
    const char *code;
    const char *pointer;
} wrong_values[] = {
    {"\"generationConfig\":[]", "invalid_type", "/generationConfig"},
    {"\"generationConfig\":{\"maxOutputTokens\":0}", "invalid_max_tokens",
     "/generationConfig/maxOutputTokens"},
    {"\"generationConfig\":{\"maxOutputTokens\":\"9\"}", "invalid_max_tokens",
     "/generationConfig/maxOutputTokens"},
    {"\"generationConfig\":{\"temperature\":\"hot\"}", "invalid_type",
     "/generationConfig/temperature"},
    {"\"generationConfig\":{\"candidateCount\":129}", "invalid_value",
     "/generationConfig/candidateCount"},
    {"\"generationConfig\":{\"stopSequences\":\"a\"}", "invalid_type",
     "/generationConfig/stopSequences"},
    {"\"generationConfig\":{\"stopSequences\":[1]}", "invalid_type",
     "/generationConfig/stopSequences"},
    {"\"generationConfig\":{\"stopSequences\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
     "invalid_value", "/generationConfig/stopSequences"},
    {"\"generationConfig\":{\"responseLogprobs\":1}", "invalid_type",
     "/generationConfig/responseLogprobs"},
    {"\"generationConfig\":{\"responseMimeType\":1}", "invalid_type",
     "/generationConfig/responseMimeType"},
    {"\"generationConfig\":{\"responseSchema\":{}}", "conflicting_members",
     "/generationConfig/responseMimeType"},
    {"\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseSchema\":{},"
     "\"responseJsonSchema\":{}}",
     "conflicting_members", "/generationConfig/responseJsonSchema"},
    {"\"generationConfig\":{\"responseMimeType\":\"application/json\","
     "\"responseJsonSchema\":1}",
     "invalid_type", "/generationConfig/responseJsonSchema"},
    {"\"generationConfig\":{\"responseMimeType\":\"application/json\",\"responseSchema\":1}",
     "invalid_type", "/generationConfig/responseSchema"},
    {"\"generationConfig\":{\"thinkingConfig\":1}", "invalid_type",
     "/generationConfig/thinkingConfig"},
    {"\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-2}}", "invalid_value",
     "/generationConfig/thinkingConfig/thinkingBudget"},
    {"\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"HUGE\"}}", "invalid_value",
     "/generationConfig/thinkingConfig/thinkingLevel"},
    {"\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":1}}", "invalid_type",
     "/generationConfig/thinkingConfig/thinkingLevel"},
    {"\"generationConfig\":{\"thinkingConfig\":{\"thinkingLevel\":\"LOW\","
     "\"thinkingBudget\":5}}",
     "conflicting_members", "/generationConfig/thinkingConfig/thinkingLevel"},
    {"\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":1}}", "invalid_type",
     "/generationConfig/thinkingConfig/includeThoughts"},
    {"\"systemInstruction\":7", "invalid_type", "/systemInstruction"},
    {"\"systemInstruction\":{\"parts\":7}", "invalid_type", "/systemInstruction/parts"},
    {"\"systemInstruction\":{\"parts\":[{\"text\":\"a\"},{\"inlineData\":{\"mimeType\":"
     "\"image/png\",\"data\":\"AAAA\"}}]}",
     "invalid_value", "/systemInstruction/parts/1"},
    {"\"sluice\":[]", "invalid_type", "/sluice"},
    {"\"model\":1", "invalid_type", "/model"},
    {"\"serviceTier\":1", "invalid_type", "/serviceTier"},
};

static void wrong_values_are_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong_values); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{" HELLO ",%s}", wrong_values[i].member);
        expect_refused(text, wrong_values[i].code, wrong_values[i].pointer);
    }
    expect_refused("[]", "invalid_type", "");
    expect_refused("{", "invalid_json", "");
}

/* --- thinking and formats --- */

static void thinking_is_understood_in_both_measures(void)
{
    static const struct {
        const char *config;
        enum thinking thinking;
        int64_t budget;
        const char *effort;
    } cases[] = {
        {"\"thinkingBudget\":0", THINKING_OFF, 0, "none"},
        {"\"thinkingBudget\":-1", THINKING_ADAPTIVE, -1, "medium"},
        {"\"thinkingBudget\":1000", THINKING_ON, 1000, "low"},
        {"\"thinkingBudget\":20000,\"includeThoughts\":true", THINKING_ON, 20000, "high"},
        {"\"thinkingLevel\":\"minimal\"", THINKING_UNSET, -1, "minimal"},
        {"\"thinkingLevel\":\"HIGH\"", THINKING_UNSET, -1, "high"},
        {"\"thinkingLevel\":\"THINKING_LEVEL_UNSPECIFIED\"", THINKING_UNSET, -1, ""},
        {"\"includeThoughts\":false", THINKING_UNSET, -1, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        struct request r;
        (void)snprintf(text, sizeof text,
                       "{" HELLO ",\"generationConfig\":{\"thinkingConfig\":{%s}}}",
                       cases[i].config);
        read_text(&r, text);
        EXPECT_INT(r.chat.thinking, cases[i].thinking);
        EXPECT_INT(r.chat.thinking_budget, cases[i].budget);
        EXPECT_SLICE(r.chat.reasoning_effort, cases[i].effort);
        EXPECT(r.chat.show_thinking == (i == 3));
        request_release(&r);
    }
}

static void formats_are_told_by_type_and_schema(void)
{
    struct request r;
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"responseMimeType\":\"text/plain\"}}");
    EXPECT_INT(r.chat.format, FORMAT_TEXT);
    request_release(&r);
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"responseMimeType\":\"application\\/json\"}}");
    EXPECT_INT(r.chat.format, FORMAT_JSON_OBJECT);
    request_release(&r);
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"responseMimeType\":\"application/json\","
                  "\"responseJsonSchema\":{ \"type\" : \"object\" }}}");
    EXPECT_INT(r.chat.format, FORMAT_JSON_SCHEMA);
    EXPECT_SLICE(r.chat.schema, "{ \"type\" : \"object\" }");
    request_release(&r);
    read_text(&r, "{" HELLO ",\"generationConfig\":{\"responseMimeType\":\"text/x.enum\","
                  "\"responseSchema\":{\"enum\":[\"a\"]}}}");
    EXPECT_INT(r.chat.format, FORMAT_TEXT);
    EXPECT_INT(r.chat.extra_count, 2);
    request_release(&r);
}

/* Case 25: schemas that only Google would understand become such that everybody does. */
static void schemas_of_openapi_become_json_schemas(void)
{
    static const struct {
        const char *openapi;
        const char *json;
    } cases[] = {
        {"{\"type\":\"OBJECT\"}", "{\"type\":\"object\"}"},
        {"{}", "{}"},
        {"{\"type\":\"STRING\",\"nullable\":true}", "{\"type\":[\"string\",\"null\"]}"},
        {"{\"nullable\":false,\"type\":\"NUMBER\"}", "{\"type\":\"number\"}"},
        {"{\"type\":[\"string\",\"null\"],\"nullable\":true}", "{\"type\":[\"string\",\"null\"]}"},
        {"{\"minItems\":\"3\",\"max_items\":4,\"minLength\":\"x\"}",
         "{\"minItems\":3,\"maxItems\":4,\"minLength\":\"x\"}"},
        {"{\"any_of\":[{\"type\":\"STRING\"},true],\"propertyOrdering\":[\"a\"],\"example\":1}",
         "{\"anyOf\":[{\"type\":\"string\"},true]}"},
        {"{\"properties\":{\"type\":{\"type\":\"STRING\"},\"nullable\":{\"items\":{\"type\":"
         "\"INTEGER\"},\"type\":\"ARRAY\"}},\"title\":\"TYPE\"}",
         "{\"properties\":{\"type\":{\"type\":\"string\"},\"nullable\":{\"items\":{\"type\":"
         "\"integer\"},\"type\":\"array\"}},\"title\":\"TYPE\"}"},
        {"{\"properties\":7,\"items\":[1],\"anyOf\":{}}",
         "{\"properties\":7,\"items\":[1],\"anyOf\":{}}"},
        {"{\"type\":\"object\",\"additionalProperties\":false,\"$defs\":{\"A\":{\"type\":"
         "\"STRING\"}}}",
         "{\"type\":\"object\",\"additionalProperties\":false,\"$defs\":{\"A\":{\"type\":"
         "\"STRING\"}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        struct request r;
        (void)snprintf(text, sizeof text,
                       "{" HELLO ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
                       "\"parameters\":%s}]}]}",
                       cases[i].openapi);
        read_text(&r, text);
        EXPECT_SLICE(r.chat.tools[0].parameters, cases[i].json);
        request_release(&r);
    }
}

/* --- tools --- */

static void tools_are_read_one_by_one(void)
{
    struct request r;
    read_text(&r, "{" HELLO ",\"tools\":[{\"googleSearch\":{},\"functionDeclarations\":[{\"name\":"
                  "\"f\",\"description\":\"d\",\"parametersJsonSchema\":{\"type\":\"object\"}},"
                  "{\"name\":\"g\"}]},{\"urlContext\":{\"x\":1}}]}");
    EXPECT_INT(r.chat.tool_count, 4);
    EXPECT_SLICE(r.chat.tools[0].name, "f");
    EXPECT_SLICE(r.chat.tools[0].description, "d");
    EXPECT_SLICE(r.chat.tools[0].parameters, "{\"type\":\"object\"}");
    EXPECT(r.chat.tools[1].parameters.ptr == NULL);
    EXPECT_INT(r.chat.tools[2].kind, TOOL_OTHER);
    EXPECT_SLICE(r.chat.tools[2].raw, "{\"googleSearch\":{}}");
    EXPECT_SLICE(r.chat.tools[3].raw, "{\"urlContext\":{\"x\":1}}");
    EXPECT(r.chat.needs == CAPABILITY_TOOLS);
    request_release(&r);
}

static void choices_are_understood(void)
{
    static const struct {
        const char *config;
        enum tool_choice choice;
        size_t extras;
    } cases[] = {
        {"{\"mode\":\"NONE\"}", TOOL_CHOICE_NONE, 0},
        {"{\"mode\":\"auto\"}", TOOL_CHOICE_AUTO, 0},
        {"{\"mode\":\"ANY\"}", TOOL_CHOICE_REQUIRED, 0},
        {"{\"mode\":\"ANY\",\"allowedFunctionNames\":[]}", TOOL_CHOICE_REQUIRED, 0},
        {"{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}", TOOL_CHOICE_NAMED, 0},
        {"{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\",\"g\"]}", TOOL_CHOICE_REQUIRED, 1},
        {"{\"mode\":\"VALIDATED\",\"allowedFunctionNames\":[\"f\"]}", TOOL_CHOICE_AUTO, 2},
        {"{\"mode\":\"MODE_UNSPECIFIED\",\"later\":1}", TOOL_CHOICE_UNSET, 1},
        {"{}", TOOL_CHOICE_UNSET, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        struct request r;
        (void)snprintf(text, sizeof text,
                       "{" HELLO ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},"
                       "{\"name\":\"g\"}]}],\"toolConfig\":{\"functionCallingConfig\":%s}}",
                       cases[i].config);
        read_text(&r, text);
        EXPECT_INT(r.chat.tool_choice, cases[i].choice);
        EXPECT_INT(r.chat.extra_count, cases[i].extras);
        request_release(&r);
    }
}

static void wrong_tools_are_refused(void)
{
    static const struct {
        const char *member;
        const char *code;
        const char *pointer;
    } cases[] = {
        {"\"tools\":7", "invalid_type", "/tools"},
        {"\"tools\":[7]", "invalid_type", "/tools/0"},
        {"\"tools\":[{},{\"functionDeclarations\":7}]", "invalid_type",
         "/tools/1/functionDeclarations"},
        {"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},{}]}]", "missing_member",
         "/tools/0/functionDeclarations/1/name"},
        {"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":1}]}]",
         "invalid_type", "/tools/0/functionDeclarations/0/description"},
        {"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":[]}]}]",
         "invalid_type", "/tools/0/functionDeclarations/0/parameters"},
        {"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{},"
         "\"parametersJsonSchema\":{}}]}]",
         "conflicting_members", "/tools/0/functionDeclarations/0/parametersJsonSchema"},
        {"\"tools\":[{\"functionDeclarations\":[],\"function_declarations\":[]}]",
         "ambiguous_member", "/tools/0/function_declarations"},
        {"\"toolConfig\":7", "invalid_type", "/toolConfig"},
        {"\"toolConfig\":{\"functionCallingConfig\":7}", "invalid_type",
         "/toolConfig/functionCallingConfig"},
        {"\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"MUST\"}}", "invalid_value",
         "/toolConfig/functionCallingConfig/mode"},
        {"\"toolConfig\":{\"functionCallingConfig\":{\"mode\":1}}", "invalid_type",
         "/toolConfig/functionCallingConfig/mode"},
        {"\"toolConfig\":{\"functionCallingConfig\":{\"allowedFunctionNames\":\"f\"}}",
         "invalid_type", "/toolConfig/functionCallingConfig/allowedFunctionNames"},
        {"\"toolConfig\":{\"functionCallingConfig\":{\"allowedFunctionNames\":[1]}}",
         "invalid_type", "/toolConfig/functionCallingConfig/allowedFunctionNames"},
        {"\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}", "invalid_value",
         "/toolConfig/functionCallingConfig"},
        {"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{"
         "\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"g\"]}}",
         "invalid_value", "/toolConfig/functionCallingConfig"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{" HELLO ",%s}", cases[i].member);
        expect_refused(text, cases[i].code, cases[i].pointer);
    }
}

/* --- contents --- */

static void contents_become_turns(void)
{
    struct request r;
    read_text(&r,
              "{\"systemInstruction\":\"s\",\"contents\":[{\"parts\":[{\"text\":\"a\"},"
              "{\"text\":\"b\"}],\"later\":1},{\"role\":\"model\",\"parts\":{\"text\":\"c\"}}]}");
    EXPECT_INT(r.chat.message_count, 3);
    EXPECT_INT(r.chat.messages[0].role, ROLE_SYSTEM);
    EXPECT_SLICE(r.chat.messages[0].parts[0].text, "s");
    EXPECT_INT(r.chat.messages[1].role, ROLE_USER);
    EXPECT_INT(r.chat.messages[1].part_count, 2);
    EXPECT_INT(r.chat.messages[1].extra_count, 1);
    EXPECT_INT(r.chat.messages[2].role, ROLE_ASSISTANT);
    request_release(&r);
    read_text(&r,
              "{\"systemInstruction\":{\"parts\":[]},\"contents\":{\"parts\":{\"text\":\"\"}}}");
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.messages[0].part_count, 1);
    request_release(&r);
}

static void contents_of_the_model_in_a_row_are_one_turn(void)
{
    struct request r;
    read_text(&r, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},"
                  "{\"role\":\"model\",\"parts\":[{\"text\":\"a\"},{\"text\":\"\"}],\"later\":1},"
                  "{\"role\":\"model\",\"parts\":{\"functionCall\":{\"name\":\"f\"}}},"
                  "{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]},"
                  "{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]}");
    EXPECT_INT(r.chat.message_count, 2);
    const struct chat_message *turn = &r.chat.messages[0];
    EXPECT_INT(turn->part_count, 3);
    EXPECT_SLICE(turn->parts[0].text, "a");
    EXPECT_INT(turn->parts[1].kind, PART_TOOL_CALL);
    EXPECT_SLICE(turn->parts[2].signature, "c2ln");
    EXPECT_INT(turn->extra_count, 1);
    EXPECT_SLICE(r.chat.messages[1].parts[0].id, "call_2_0");
    request_release(&r);
    read_text(&r, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]}]}");
    EXPECT_INT(r.chat.messages[0].part_count, 1);
    request_release(&r);
}

/* Cases 17, 26: ids may lack, results may come in any order. */
static void results_find_their_calls_by_id_and_by_name(void)
{
    struct request r;
    read_text(
        &r,
        "{\"contents\":[" CALL ",{\"role\":\"user\",\"parts\":["
        "{\"text\":\"before\"},"
        "{\"functionResponse\":{\"name\":\"g\",\"response\":{\"output\":\"G\"}}},"
        "{\"functionResponse\":{\"id\":\"b\",\"name\":\"f\",\"response\":{\"error\":\"B\"}}},"
        "{\"functionResponse\":{\"id\":\"mine\",\"name\":\"f\",\"response\":{\"a\":\"A\"}}}]}]}");
    EXPECT_INT(r.chat.message_count, 6);
    EXPECT_SLICE(r.chat.messages[1].parts[0].id, "call_1_0");
    EXPECT_SLICE(r.chat.messages[1].parts[0].arguments, "{}");
    EXPECT_SLICE(r.chat.messages[1].parts[1].id, "b");
    EXPECT_SLICE(r.chat.messages[1].parts[2].id, "call_1_2");
    EXPECT_SLICE(r.chat.messages[2].parts[0].id, "call_1_2");
    EXPECT_SLICE(r.chat.messages[2].parts[1].text, "G");
    EXPECT_SLICE(r.chat.messages[3].parts[0].id, "b");
    EXPECT(r.chat.messages[3].parts[0].is_error && !r.chat.messages[2].parts[0].is_error);
    EXPECT_SLICE(r.chat.messages[4].parts[0].id, "call_1_0");
    EXPECT_SLICE(r.chat.messages[4].parts[1].text, "{\\\"a\\\":\\\"A\\\"}");
    EXPECT_INT(r.chat.messages[5].role, ROLE_USER);
    EXPECT_SLICE(r.chat.messages[5].parts[0].text, "before");
    request_release(&r);
}

static void results_hold_files(void)
{
    struct request r;
    read_text(&r,
              "{\"contents\":[" CALL ",{\"role\":\"function\",\"parts\":["
              "{\"functionResponse\":{\"name\":\"g\",\"response\":{\"output\":{\"n\":1}},"
              "\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]}}]}]}");
    const struct chat_message *turn = &r.chat.messages[2];
    EXPECT_INT(turn->part_count, 3);
    EXPECT_SLICE(turn->parts[1].text, "{\\\"n\\\":1}");
    EXPECT_INT(turn->parts[2].kind, PART_IMAGE);
    EXPECT(r.chat.needs == (CAPABILITY_TOOLS | CAPABILITY_VISION));
    request_release(&r);
}

static void parts_are_told_apart(void)
{
    struct request r;
    read_text(&r,
              "{\"contents\":[{\"parts\":["
              "{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"iVBORw0KGgo\"}},"
              "{\"inlineData\":{\"mimeType\":\"audio/x-wav\",\"data\":\"_-8=\"}},"
              "{\"inlineData\":{\"mimeType\":\"Audio/ogg\",\"data\":\"AA==\"}},"
              "{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":\"\\/\\/8=\","
              "\"display_name\":\"v\"}},"
              "{\"fileData\":{\"fileUri\":\"https://example.org/a\",\"mimeType\":\"image/gif\"}},"
              "{\"fileData\":{\"fileUri\":\"gs://b/a\"}},"
              "{\"executableCode\":{}},"
              "{\"thought\":true,\"text\":\"hm\",\"thoughtSignature\":\"c2ln\"},"
              "{\"thought\":true,\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}},"
              "{\"thoughtSignature\":\"c2ln\"},"
              "{\"text\":\"t\",\"partMetadata\":{}}]}]}");
    const struct chat_part *parts = r.chat.messages[0].parts;
    EXPECT_INT(parts[0].kind, PART_IMAGE);
    EXPECT_SLICE(parts[0].data, "iVBORw0KGgo=");
    EXPECT_INT(parts[1].kind, PART_AUDIO);
    EXPECT_SLICE(parts[1].data, "/+8=");
    EXPECT_SLICE(parts[1].detail, "wav");
    EXPECT_SLICE(parts[2].detail, "ogg");
    EXPECT_INT(parts[3].kind, PART_FILE);
    EXPECT_SLICE(parts[3].data, "//8=");
    EXPECT_SLICE(parts[3].detail, "v");
    EXPECT_SLICE(parts[4].url, "https://example.org/a");
    EXPECT_SLICE(parts[5].file_id, "gs://b/a");
    EXPECT_INT(parts[6].kind, PART_UNKNOWN);
    EXPECT_INT(parts[7].kind, PART_REASONING);
    EXPECT_SLICE(parts[7].signature, "c2ln");
    EXPECT(parts[8].kind == PART_REASONING && parts[8].text.ptr == NULL);
    EXPECT(parts[9].kind == PART_TEXT && parts[9].text.len == 0);
    EXPECT_SLICE(parts[10].text, "t");
    request_release(&r);
}

static const struct {
    const char *contents;
    const char *code;
    const char *pointer;
} wrong_content_cases[] = {
    {"null", "missing_messages", "/contents"},
    {"[]", "empty_messages", "/contents"},
    {"\"Hi\"", "invalid_type", "/contents"},
    {"[\"Hi\"]", "invalid_type", "/contents/0"},
    {"[{\"role\":\"user\"}]", "missing_member", "/contents/0/parts"},
    {"[{\"role\":\"user\",\"parts\":[]}]", "missing_member", "/contents/0/parts"},
    {"[{\"role\":\"user\",\"parts\":\"Hi\"}]", "invalid_type", "/contents/0/parts"},
    {"[{\"role\":\"assistant\",\"parts\":[{\"text\":\"a\"}]}]", "invalid_role", "/contents/0/role"},
    {"[{\"role\":1,\"parts\":[{\"text\":\"a\"}]}]", "invalid_type", "/contents/0/role"},
    {"[{\"role\":\"user\",\"role\":\"model\",\"parts\":[]}]", "duplicate_member",
     "/contents/0/role"},
    {"[{\"parts\":[{\"text\":\"a\"},{}]}]", "missing_member", "/contents/0/parts/1/text"},
    {"[{\"parts\":[{\"text\":1}]}]", "invalid_type", "/contents/0/parts/0/text"},
    {"[{\"parts\":[{\"text\":\"a\",\"thought\":1}]}]", "invalid_type",
     "/contents/0/parts/0/thought"},
    {"[{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":1}]}]", "invalid_type",
     "/contents/0/parts/0/thoughtSignature"},
    {"[{\"parts\":[{\"text\":\"a\",\"inlineData\":{}}]}]", "conflicting_members",
     "/contents/0/parts/0/inlineData"},
    {"[{\"parts\":[{\"inlineData\":7}]}]", "invalid_type", "/contents/0/parts/0/inlineData"},
    {"[{\"parts\":[{\"inlineData\":{\"data\":\"AAAA\"}}]}]", "missing_member",
     "/contents/0/parts/0/inlineData/mimeType"},
    {"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\"}}]}]", "missing_member",
     "/contents/0/parts/0/inlineData/data"},
    {"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"A AA\"}}]}]",
     "invalid_base64", "/contents/0/parts/0/inlineData/data"},
    {"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAAA\"}}]}]",
     "invalid_base64", "/contents/0/parts/0/inlineData/data"},
    {"[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA=\"}}]}]",
     "invalid_base64", "/contents/0/parts/0/inlineData/data"},
    {"[{\"parts\":[{\"fileData\":{\"mimeType\":\"image/png\"}}]}]", "missing_member",
     "/contents/0/parts/0/fileData/fileUri"},
    {"[{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}]", "invalid_value", "/contents/0/parts/0"},
    {"[{\"role\":\"model\",\"parts\":[{\"functionResponse\":{\"name\":\"f\"}}]}]", "invalid_value",
     "/contents/0/parts/0"},
    {"[{\"role\":\"model\",\"parts\":[{\"functionCall\":{}}]}]", "missing_member",
     "/contents/0/parts/0/functionCall/name"},
    {"[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":\"{}\"}}]}]",
     "invalid_type", "/contents/0/parts/0/functionCall/args"},
    {"[{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]",
     "orphan_tool_result", "/contents/0/parts/0/functionResponse"},
    {"[{\"parts\":[{\"functionResponse\":\"f\"}]}]", "invalid_type",
     "/contents/0/parts/0/functionResponse"},
    {"[" CALL ",{\"parts\":[{\"functionResponse\":{\"name\":\"f\"}}]}]", "missing_member",
     "/contents/2/parts/0/functionResponse/response"},
    {"[" CALL ",{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":\"x\"}}]}]",
     "invalid_type", "/contents/2/parts/0/functionResponse/response"},
    {"[" CALL ",{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{},"
     "\"parts\":[{}]}}]}]",
     "missing_member", "/contents/2/parts/0/text"},
    {"[" CALL ",{\"parts\":[{\"functionResponse\":{\"id\":\"b\",\"name\":\"f\",\"response\":{}}},"
     "{\"functionResponse\":{\"id\":\"b\",\"name\":\"x\",\"response\":{}}}]}]",
     "orphan_tool_result", "/contents/2/parts/1/functionResponse"},
    {"[" CALL ",{\"parts\":[{\"functionResponse\":{\"response\":{}}}]}]", "missing_member",
     "/contents/2/parts/0/functionResponse/name"},
};

static void wrong_contents_are_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong_content_cases); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "{\"contents\":%s}", wrong_content_cases[i].contents);
        expect_refused(text, wrong_content_cases[i].code, wrong_content_cases[i].pointer);
    }
    expect_refused("{}", "missing_messages", "/contents");
}

static void a_turn_may_hold_256_calls(void)
{
    struct buf text = BUF_INIT(FIXTURE_LIMIT);
    buf_append(&text, SLICE("{\"contents\":[{\"role\":\"model\",\"parts\":["));
    for (int i = 0; i < 257; i++) {
        buf_printf(&text, "%s{\"functionCall\":{\"name\":\"f\"}}", i > 0 ? "," : "");
    }
    buf_append(&text, SLICE("]}]}"));
    buf_append_char(&text, '\0');
    expect_refused(text.ptr, "invalid_value", "/contents/0/parts/256/functionCall");
    buf_release(&text);
}

/* --- embeddings and token counts --- */

static void inputs_of_embeddings_are_turns(void)
{
    struct request r;
    read_as(&r, OPERATION_EMBEDDING,
            "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]},"
            "\"outputDimensionality\":8,\"taskType\":\"X\"}");
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_SLICE(r.chat.messages[0].parts[0].text, "ab");
    EXPECT_SLICE(r.chat.dimensions, "8");
    EXPECT_INT(r.chat.extra_count, 1);
    EXPECT(r.chat.needs == CAPABILITY_EMBEDDINGS);
    request_release(&r);
    read_as(&r, OPERATION_EMBEDDING,
            "{\"requests\":[{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]},"
            "\"output_dimensionality\":8},{\"content\":{\"parts\":{\"text\":\"b\"}},"
            "\"outputDimensionality\":8,\"title\":\"t\"}]}");
    EXPECT_INT(r.chat.message_count, 2);
    EXPECT_SLICE(r.chat.model, "e");
    EXPECT_SLICE(r.chat.messages[1].parts[0].text, "b");
    EXPECT_INT(r.chat.messages[1].extra_count, 1);
    request_release(&r);
}

static void wrong_inputs_are_refused(void)
{
    static const struct {
        const char *text;
        const char *code;
        const char *pointer;
    } cases[] = {
        {"{}", "missing_member", "/content"},
        {"{\"content\":\"a\"}", "invalid_type", "/content"},
        {"{\"content\":{}}", "missing_member", "/content/parts"},
        {"{\"content\":{\"parts\":7}}", "invalid_type", "/content/parts"},
        {"{\"content\":{\"parts\":[{\"inlineData\":{}}]}}", "unsupported_input", "/parts"},
        {"{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"outputDimensionality\":\"8\"}",
         "invalid_type", "/outputDimensionality"},
        {"{\"requests\":[]}", "empty_messages", "/requests"},
        {"{\"requests\":7}", "invalid_type", "/requests"},
        {"{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}],\"content\":{}}",
         "conflicting_members", "/content"},
        {"{\"requests\":[{}]}", "missing_member", "/requests/0/content"},
        {"{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}},{\"content\":{\"parts\":["
         "{\"text\":\"a\"}]},\"outputDimensionality\":8}]}",
         "conflicting_members", "/requests/1/outputDimensionality"},
        {"{\"requests\":[{\"model\":\"models/a\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
         "{\"model\":\"models/b\",\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}",
         "conflicting_members", "/requests/1/model"},
        {"{\"requests\":[{\"model\":7}]}", "invalid_type", "/requests/0/model"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_refused_as(OPERATION_EMBEDDING, cases[i].text, cases[i].code, cases[i].pointer);
    }
}

static void a_count_is_of_contents_or_of_a_whole_request(void)
{
    struct request r;
    read_as(&r, OPERATION_TOKEN_COUNT, "{" HELLO "}");
    EXPECT_INT(r.chat.message_count, 1);
    request_release(&r);
    read_as(&r, OPERATION_TOKEN_COUNT,
            "{\"generate_content_request\":{\"model\":\"models/m\"," HELLO
            ",\"tools\":[{\"googleSearch\":{}}],\"safetySettings\":[]},\"later\":1}");
    EXPECT_INT(r.chat.message_count, 1);
    EXPECT_INT(r.chat.tool_count, 1);
    EXPECT_INT(r.chat.extra_count, 2);
    EXPECT_SLICE(r.chat.model, "m");
    request_release(&r);
    expect_refused_as(OPERATION_TOKEN_COUNT, "{\"generateContentRequest\":{\"contents\":[{}]}}",
                      "missing_member", "/generateContentRequest/contents/0/parts");
    expect_refused_as(OPERATION_TOKEN_COUNT, "{\"generateContentRequest\":{}," HELLO "}",
                      "conflicting_members", "/generateContentRequest");
    expect_refused_as(OPERATION_TOKEN_COUNT, "{\"generateContentRequest\":7}", "invalid_type",
                      "/generateContentRequest");
    expect_refused_as(OPERATION_TOKEN_COUNT, "{}", "missing_messages", "/contents");
}

/* Whatever is allowed to be used, running out of it is told and nothing breaks. */
static void too_little_memory_is_told(void)
{
    static const char *const bodies[] = {
        "{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":[" CALL
        ",{\"parts\":[{\"functionResponse\":{\"name\":\"g\",\"response\":{\"a\":1}}},{\"text\":"
        "\"x\"},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"_w\"}}]}],\"tools\":[{"
        "\"googleSearch\":{},\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{}}]}],"
        "\"later\":1,\"generationConfig\":{\"stopSequences\":[\"a\"],\"responseMimeType\":"
        "\"text/x.enum\"},\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}}}",
        "{\"systemInstruction\":\"s\"," HELLO "}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        size_t budget = 0;
        bool ok = false;
        for (; !ok && budget < 65536; budget += 16) {
            struct request r = {.ok = false};
            json_doc_init(&r.doc);
            arena_init(&r.arena, budget);
            ok =
                dialect_of(DIALECT_GEMINI)
                    ->read_request(slice_from_cstr(bodies[i]), &r.doc, &r.arena, &r.chat, &r.error);
            EXPECT(ok || r.error.kind == ERROR_LIMIT);
            request_release(&r);
        }
        EXPECT(ok && budget > 64);
    }
}

int main(void)
{
    TEST(the_config_says_what_it_says, "generationConfig is understood member by member");
    TEST(nothing_given_is_nothing_said, "null and absent members say nothing");
    TEST(both_spellings_are_taken_but_not_at_once, "snake_case is taken too, both are ambiguous");
    TEST(the_model_of_the_body_must_be_that_of_the_path, "a model in the body must be the path's");
    TEST(what_is_unknown_is_kept, "unknown members are kept, wherever they stand");
    TEST(wrong_values_are_refused, "wrong values are refused with a pointer");
    TEST(thinking_is_understood_in_both_measures, "thinking is understood as budget and as level");
    TEST(formats_are_told_by_type_and_schema, "type and schema tell the format of the answer");
    TEST(schemas_of_openapi_become_json_schemas, "OpenAPI schemas become JSON schemas");
    TEST(tools_are_read_one_by_one, "functions and vendor tools are read one by one");
    TEST(choices_are_understood, "modes and allowed names are understood");
    TEST(wrong_tools_are_refused, "wrong tools are refused with a pointer");
    TEST(contents_become_turns, "contents become turns");
    TEST(contents_of_the_model_in_a_row_are_one_turn,
         "contents of the model in a row are one turn");
    TEST(results_find_their_calls_by_id_and_by_name, "results find their calls by id or by name");
    TEST(results_hold_files, "results may hold files");
    TEST(parts_are_told_apart, "parts are told apart by their data and media type");
    TEST(wrong_contents_are_refused, "wrong contents are refused with a pointer");
    TEST(a_turn_may_hold_256_calls, "a turn may hold 256 calls");
    TEST(inputs_of_embeddings_are_turns, "inputs of embeddings are turns");
    TEST(wrong_inputs_are_refused, "wrong inputs are refused with a pointer");
    TEST(a_count_is_of_contents_or_of_a_whole_request, "contents or a whole request are counted");
    TEST(too_little_memory_is_told, "too little memory is told");
    return tap_done();
}
