/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that are found after reading name the client's own member, in every dialect in front. */
#include "tests/unit/dialect/fixture.h"

#include "dialect/place.h"
#include "dialect/wish.h"

#define PNG "iVBORw0KGgo="
#define URL_SAFE "_-8="

struct refused {
    enum dialect_id front;
    enum operation operation;
    const char *body;
    enum dialect_id back;
    const char *pointer;
};

static void expect_refused(const struct refused *row)
{
    struct request request;
    struct request_change change = {.model = SLICE("m")};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct loss loss = {.len = 0};
    struct error error = {0};
    request_read_as(&request, row->front, row->operation, slice_from_cstr(row->body));
    EXPECT_SLICE(slice_from_cstr(request.error.text), "");
    if (request.ok) {
        EXPECT(!dialect_of(row->back)->write_request(&request.chat, &change, &out, &loss, &error));
        EXPECT_INT(error.kind, ERROR_UNSUPPORTED);
        EXPECT(strcmp(error.code, "untranslatable") == 0);
        EXPECT_SLICE(slice_from_cstr(error.pointer), row->pointer);
    }
    request_release(&request);
    buf_release(&out);
}

static const struct refused refused[] = {
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":"
     "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\","
     "\"image_url\":{\"url\":\"https://e.example/a.png\"}}]}]}",
     DIALECT_OLLAMA, "/messages/1/content/1"},
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"model\":\"m\",\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     DIALECT_BEDROCK, "/n"},
    {DIALECT_OPENAI_COMPLETIONS, OPERATION_COMPLETION,
     "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\"}", DIALECT_ANTHROPIC, "/suffix"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"model\":\"m\",\"instructions\":\"i\",\"input\":[{\"role\":\"user\",\"content\":\"a\"}"
     ",{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
     "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"1\"},{\"role\":"
     "\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":"
     "\"input_audio\",\"input_audio\":{\"data\":\"QUJD\",\"format\":\"mp3\"}}]}]}",
     DIALECT_ANTHROPIC, "/input/3/content/1"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"type\":"
     "\"computer_call\",\"id\":\"c\"}]}",
     DIALECT_GEMINI, "/input/1"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"model\":\"m\",\"input\":\"a\",\"text\":{\"format\":{\"type\":\"json_object\"}}}",
     DIALECT_BEDROCK, "/text/format"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"model\":\"m\",\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"s\"}],"
     "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{"
     "\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://e.example/a\"}}]}]"
     "}",
     DIALECT_BEDROCK, "/messages/0/content/1"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"model\":\"m\",\"max_tokens\":9,\"stop_sequences\":[\"x\"],\"messages\":[{\"role\":"
     "\"user\",\"content\":\"a\"}]}",
     DIALECT_OPENAI_RESPONSES, "/stop_sequences"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{"
     "\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
     "\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
     "\"tool_use_id\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":"
     "\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://e.example/a.png\"}}]}]}]}",
     DIALECT_OLLAMA, "/messages/2/content/0/content/1"},
    {DIALECT_GEMINI, OPERATION_CHAT,
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},{\"role\":\"model\","
     "\"parts\":[{\"text\":\"b\"}]},{\"role\":\"user\",\"parts\":[{\"inline_data\":{"
     "\"mime_type\":\"audio/mp3\",\"data\":\"" URL_SAFE "\"}}]}]}",
     DIALECT_ANTHROPIC, "/contents/2/parts/0"},
    {DIALECT_GEMINI, OPERATION_CHAT,
     "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generation_config\":{"
     "\"candidateCount\":2}}",
     DIALECT_OLLAMA, "/generation_config/candidateCount"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION, "{\"model\":\"m\",\"prompt\":\"a\",\"raw\":true}",
     DIALECT_OPENAI_CHAT, "/raw"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION,
     "{\"model\":\"m\",\"prompt\":\"a\",\"template\":\"{{ .Prompt }}\"}",
     DIALECT_OPENAI_COMPLETIONS, "/template"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION, "{\"model\":\"m\",\"prompt\":\"a\",\"context\":[1,2]}",
     DIALECT_GEMINI, "/context"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION, "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\"}",
     DIALECT_BEDROCK, "/suffix"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION,
     "{\"model\":\"m\",\"prompt\":\"a\",\"system\":\"s\",\"raw\":true}", DIALECT_OPENAI_COMPLETIONS,
     "/system"},
    {DIALECT_OLLAMA, OPERATION_CHAT,
     "{\"model\":\"m\",\"format\":\"json\",\"messages\":[{\"role\":\"user\",\"content\":"
     "\"a\"}]}",
     DIALECT_ANTHROPIC, "/format"},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "{\"model\":\"m\",\"input\":[[1,2],[3]]}",
     DIALECT_GEMINI, "/input/0"},
};

static void what_cannot_be_said_is_named_as_the_client_has_it(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        expect_refused(&refused[i]);
    }
}

static const struct {
    enum dialect_id front;
    enum operation operation;
    const char *body;
    capability_set need;
    const char *pointer;
} needed[] = {
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{"
     "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," PNG "\"}}]}],"
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"logprobs\":true,"
     "\"stream\":true,\"reasoning_effort\":\"low\"}",
     CAPABILITY_VISION, "/messages/0/content/1"},
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[{\"type\":\"function\","
     "\"function\":{\"name\":\"f\"}}]}",
     CAPABILITY_TOOLS | CAPABILITY_VISION, "/tools"},
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"reasoning\":{\"effort\":"
     "\"low\"}}",
     CAPABILITY_REASONING, "/reasoning"},
    {DIALECT_OPENAI_CHAT, OPERATION_CHAT,
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"audio\":{\"voice\":\"v\"}}",
     CAPABILITY_AUDIO, "/audio"},
    {DIALECT_OPENAI_COMPLETIONS, OPERATION_COMPLETION, "{\"prompt\":[\"a\"]}",
     CAPABILITY_COMPLETION, "/prompt"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":"
     "\"f\"}]}]}",
     CAPABILITY_DOCUMENTS, "/input/0/content/0"},
    {DIALECT_OPENAI_RESPONSES, OPERATION_CHAT,
     "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":"
     "\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"1\"}]}",
     CAPABILITY_TOOLS, "/input/0"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
     "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
     "\"object\"}}}}",
     CAPABILITY_JSON_SCHEMA, "/output_config/format"},
    {DIALECT_ANTHROPIC, OPERATION_CHAT,
     "{\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     CAPABILITY_STREAMING, "/stream"},
    {DIALECT_GEMINI, OPERATION_CHAT,
     "{\"contents\":[{\"parts\":[{\"text\":\"a\"},{\"inlineData\":{\"mimeType\":\"image/png\","
     "\"data\":\"" PNG "\"}}]}]}",
     CAPABILITY_VISION, "/contents/0/parts/1"},
    {DIALECT_GEMINI, OPERATION_CHAT,
     "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}],\"generationConfig\":{"
     "\"responseMimeType\":\"application/json\"}}",
     CAPABILITY_JSON_OBJECT, "/generationConfig/responseMimeType"},
    {DIALECT_OLLAMA, OPERATION_CHAT,
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"images\":[\"" URL_SAFE "\"]}]}",
     CAPABILITY_VISION, "/messages/0/images/0"},
    {DIALECT_OLLAMA, OPERATION_COMPLETION, "{\"prompt\":\"a\",\"images\":[\"" PNG "\"]}",
     CAPABILITY_VISION, "/images/0"},
    {DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, "{\"input\":[\"a\"]}", CAPABILITY_EMBEDDINGS,
     "/input"},
};

static void what_nobody_can_is_named_as_the_client_has_it(void)
{
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        struct request request;
        struct error error = {0};
        request_read_as(&request, needed[i].front, needed[i].operation,
                        slice_from_cstr(needed[i].body));
        EXPECT_SLICE(slice_from_cstr(request.error.text), "");
        EXPECT((request.chat.needs & needed[i].need) != 0);
        place_need(&request.chat, needed[i].need, &error);
        EXPECT_SLICE(slice_from_cstr(error.pointer), needed[i].pointer);
        request_release(&request);
    }
}

/* Members' names may need escapes of their own, and a pointer has an end. */
static void pointers_are_pointers(void)
{
    struct request request;
    struct error error = {0};
    struct chat_part part = {.kind = PART_TEXT};
    struct slice body = SLICE("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
                              "\"a/b~\\u0063\":{\"d\":[0,\"x\"]}}");
    request_read(&request, DIALECT_OPENAI_CHAT, body);
    EXPECT(request.ok);
    part.text = slice_of(body.ptr + slice_find_slice(body, SLICE("x\"]")), 1);
    place_part(&request.chat, &part, &error);
    EXPECT_SLICE(slice_from_cstr(error.pointer), "/a~1b~0c/d/1");
    part.text = SLICE("elsewhere");
    place_part(&request.chat, &part, &error);
    EXPECT_SLICE(slice_from_cstr(error.pointer), "");
    request_release(&request);
}

int main(void)
{
    TEST(what_cannot_be_said_is_named_as_the_client_has_it,
         "what a target cannot be told is named as the client has it");
    TEST(what_nobody_can_is_named_as_the_client_has_it,
         "what no target can do is named as the client has it");
    TEST(pointers_are_pointers, "pointers are escaped and found or empty");
    return tap_done();
}
