/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/outside.h"

#include "tests/unit/dialect/fixture.h"

#define CHAT(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" more "}"
#define CHAT_PART(part)                                                                            \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define ANTHROPIC(more)                                                                            \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]" more \
    "}"
#define ANTHROPIC_PART(part)                                                                       \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define RESPONSES(more) "{\"model\":\"m\",\"input\":\"Hi\"" more "}"
#define GEMINI(more) "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]}]" more "}"
#define GEMINI_PART(part) "{\"contents\":[{\"role\":\"user\",\"parts\":[" part "]}]}"

static const struct {
    enum dialect_id dialect;
    unsigned outside;
    const char *body;
} rows[] = {
    {DIALECT_OPENAI_CHAT, 0, CHAT("")},
    {DIALECT_OPENAI_CHAT, OUTSIDE_TOOLS, CHAT(",\"web_search_options\":{}")},
    {DIALECT_OPENAI_CHAT, OUTSIDE_TOOLS, CHAT(",\"plugins\":[{\"id\":\"web\"}]")},
    {DIALECT_OPENAI_CHAT, 0, CHAT(",\"web_search_options\":null")},
    {DIALECT_OPENAI_CHAT, 0,
     CHAT(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]")},
    {DIALECT_OPENAI_CHAT, OUTSIDE_MEDIA,
     CHAT_PART("{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}")},
    {DIALECT_OPENAI_CHAT, OUTSIDE_MEDIA,
     CHAT_PART("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/v.mp4\"}}")},
    {DIALECT_OPENAI_CHAT, 0,
     CHAT_PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/p.png\"}}")},
    {DIALECT_OPENAI_CHAT, 0,
     CHAT_PART(
         "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}")},
    {DIALECT_OPENAI_RESPONSES, 0, RESPONSES("")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_CONTEXT, RESPONSES(",\"prompt\":{\"id\":\"pmpt_1\"}")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_CONTEXT, RESPONSES(",\"conversation\":\"conv_1\"")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_CONTEXT, RESPONSES(",\"previous_response_id\":\"r_1\"")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_TOOLS, RESPONSES(",\"tools\":[{\"type\":\"web_search\"}]")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_TOOLS,
     RESPONSES(",\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]}]")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_TOOLS,
     RESPONSES(",\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\"}}]")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_TOOLS,
     RESPONSES(
         ",\"tools\":[{\"type\":\"mcp\",\"server_label\":\"a\",\"server_url\":\"https://x\"}]")},
    {DIALECT_OPENAI_RESPONSES, 0, RESPONSES(",\"tools\":[{\"type\":\"local_shell\"}]")},
    {DIALECT_OPENAI_RESPONSES, OUTSIDE_TOOLS, /* which of the two counts? */
     RESPONSES(",\"tools\":[{\"type\":\"local_shell\",\"x\":{\"type\":\"web_search\"}}]")},
    {DIALECT_ANTHROPIC, 0, ANTHROPIC("")},
    {DIALECT_ANTHROPIC, OUTSIDE_TOOLS,
     ANTHROPIC(",\"mcp_servers\":[{\"type\":\"url\",\"url\":\"https://x\",\"name\":\"a\"}]")},
    {DIALECT_ANTHROPIC, OUTSIDE_TOOLS,
     ANTHROPIC(",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]")},
    {DIALECT_ANTHROPIC, OUTSIDE_TOOLS,
     ANTHROPIC(",\"tools\":[{\"type\":\"web_fetch_20250910\",\"name\":\"web_fetch\"}]")},
    {DIALECT_ANTHROPIC, OUTSIDE_TOOLS,
     ANTHROPIC(",\"tools\":[{\"type\":\"code_execution_20250825\",\"name\":\"code_execution\"}]")},
    {DIALECT_ANTHROPIC, 0,
     ANTHROPIC(",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]")},
    {DIALECT_ANTHROPIC, OUTSIDE_MEDIA,
     ANTHROPIC_PART("{\"type\":\"document\",\"source\":{\"type\":\"file\",\"file_id\":\"f1\"}}")},
    {DIALECT_ANTHROPIC, OUTSIDE_MEDIA,
     ANTHROPIC_PART("{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}")},
    {DIALECT_ANTHROPIC, OUTSIDE_MEDIA,
     ANTHROPIC_PART("{\"type\":\"container_upload\",\"file_id\":\"f1\"}")},
    {DIALECT_OPENAI_CHAT, OUTSIDE_MEDIA, /* packed: a page may be a handful of bytes */
     CHAT_PART("{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"
               "\"data:application/pdf;base64,AAAA\"}}")},
    {DIALECT_ANTHROPIC, OUTSIDE_MEDIA,
     ANTHROPIC_PART("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":"
                    "\"application/pdf\",\"data\":\"AAAA\"}}")},
    {DIALECT_ANTHROPIC, 0, /* a text */
     ANTHROPIC_PART("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":"
                    "\"text/plain\",\"data\":\"Hi\"}}")},
    {DIALECT_GEMINI, 0, GEMINI("")},
    {DIALECT_GEMINI, OUTSIDE_CONTEXT, GEMINI(",\"cachedContent\":\"cachedContents/1\"")},
    {DIALECT_GEMINI, OUTSIDE_TOOLS, GEMINI(",\"tools\":[{\"googleSearch\":{}}]")},
    {DIALECT_GEMINI, OUTSIDE_TOOLS, GEMINI(",\"tools\":[{\"urlContext\":{}}]")},
    {DIALECT_GEMINI, OUTSIDE_MEDIA,
     GEMINI_PART("{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":\"gs://b/1\"}}")},
    {DIALECT_GEMINI, OUTSIDE_MEDIA,
     GEMINI_PART("{\"fileData\":{\"mimeType\":\"audio/mp3\",\"fileUri\":\"gs://b/1\"}}")},
    {DIALECT_GEMINI, OUTSIDE_MEDIA,
     GEMINI_PART("{\"fileData\":{\"mimeType\":\"video/mp4\",\"fileUri\":\"gs://b/1\"}}")},
    {DIALECT_GEMINI, OUTSIDE_MEDIA,
     GEMINI_PART("{\"inlineData\":{\"mimeType\":\"video/mp4\",\"data\":\"AAAA\"}}")},
    {DIALECT_GEMINI, 0,
     GEMINI_PART("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}")},
};

static void finds_what_a_request_only_names(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request request;
        request_read(&request, rows[i].dialect, slice_from_cstr(rows[i].body));
        EXPECT(request.ok);
        EXPECT_INT(chat_outside(&request.chat), rows[i].outside);
        if (!request.ok || chat_outside(&request.chat) != rows[i].outside) {
            printf("# %s\n", rows[i].body);
        }
        EXPECT(outside_words(rows[i].outside)[0] != '\0');
        request_release(&request);
    }
}

int main(void)
{
    TEST(finds_what_a_request_only_names, "finds input that a request only names, in each dialect");
    return tap_done();
}
