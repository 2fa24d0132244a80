/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/made_part.h"
#include "tests/unit/dialect/fixture.h"

#define IMAGE(data) "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" data "\"}}"
#define SOUND "{\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"REVG\"}}"
#define TURN(role, parts) "{\"role\":\"" role "\",\"parts\":[" parts "]}"
#define ASKED TURN("user", "{\"text\":\"Draw.\"}," IMAGE("QUJD"))
#define MADE TURN("model", "{\"text\":\"There.\"}," IMAGE("REVG") "," SOUND)
#define AGAIN TURN("user", "{\"text\":\"Again.\"}")
#define MADE_AGAIN TURN("model", IMAGE("REVG"))
#define MORE TURN("user", "{\"text\":\"More.\"}")
static const char conversation[] =
    "{\"contents\":[" ASKED "," MADE "," AGAIN "," MADE_AGAIN "," MORE "]}";

static void expect_sent(enum dialect_id target, const char *losses, bool sent)
{
    const struct request_change change = {.model = SLICE("m")};
    struct request request;
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    request_read(&request, DIALECT_GEMINI, slice_from_cstr(conversation));
    EXPECT(request.ok);
    const struct chat before = request.chat;
    EXPECT(made_parts_drop(&request.chat, target, &request.arena, &loss));
    EXPECT_SLICE(slice_of(loss.text, loss.len), losses);
    EXPECT_INT(before.messages[1].part_count, 3);
    request.chat.messages[1].part_count -= sent ? 1 : 0; /* nobody takes the sound */
    EXPECT(dialect_of(target)->write_request(&request.chat, &change, &out, &loss, &error));
    EXPECT(is_json(buf_slice(&out)));
    EXPECT((slice_find_slice(buf_slice(&out), SLICE("REVG")) != SIZE_MAX) == sent);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("QUJD")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("There.")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("More.")) != SIZE_MAX);
    buf_release(&out);
    request_release(&request);
}

static void leaves_out_what_a_model_made(void)
{
    static const char losses[] = "messages.1.images,messages.1.audio,messages.3.images";
    expect_sent(DIALECT_OPENAI_CHAT, losses, false);
    expect_sent(DIALECT_OPENAI_RESPONSES, losses, false);
    expect_sent(DIALECT_ANTHROPIC, losses, false);
    expect_sent(DIALECT_BEDROCK, losses, false);
}

static void keeps_it_where_it_has_a_place(void)
{
    expect_sent(DIALECT_OLLAMA, "", true);
    expect_sent(DIALECT_GEMINI, "", true);
}

static void leaves_out_files(void)
{
    struct chat_part parts[] = {{.kind = PART_TEXT, .text = SLICE("a")},
                                {.kind = PART_FILE, .data = SLICE("REVG")}};
    struct chat_message messages[] = {{.role = ROLE_USER, .parts = parts, .part_count = 2},
                                      {.role = ROLE_ASSISTANT, .parts = parts, .part_count = 2}};
    struct chat chat = {.messages = messages, .message_count = 2};
    struct loss loss = {.len = 0};
    struct arena arena;
    arena_init(&arena, FIXTURE_LIMIT);
    EXPECT(made_parts_drop(&chat, DIALECT_OPENAI_CHAT, &arena, &loss));
    EXPECT_SLICE(slice_of(loss.text, loss.len), "messages.1.files");
    EXPECT_INT(chat.messages[0].part_count, 2);
    EXPECT_INT(chat.messages[1].part_count, 1);
    EXPECT_SLICE(chat.messages[1].parts[0].text, "a");
    arena_release(&arena);
}

static bool drop_within(size_t budget)
{
    struct chat_part parts[] = {{.kind = PART_IMAGE}, {.kind = PART_TEXT}};
    struct chat_message messages[] = {{.role = ROLE_ASSISTANT, .parts = parts, .part_count = 2}};
    struct chat chat = {.messages = messages, .message_count = 1};
    struct loss loss = {.len = 0};
    struct arena arena;
    arena_init(&arena, budget);
    bool dropped = made_parts_drop(&chat, DIALECT_ANTHROPIC, &arena, &loss);
    EXPECT(!dropped || chat.messages[0].part_count == 1);
    EXPECT(messages[0].part_count == 2 && messages[0].parts == parts);
    arena_release(&arena);
    return dropped;
}

/* For the list of turns, and for the turn's own list of parts. */
static void a_budget_that_is_spent_is_reported(void)
{
    EXPECT(!drop_within(0));
    EXPECT(!drop_within(sizeof(struct chat_message) + sizeof(struct chat_part)));
    EXPECT(drop_within(FIXTURE_LIMIT));
}

int main(void)
{
    TEST(leaves_out_what_a_model_made, "a model's own pictures and sounds are left out and listed");
    TEST(keeps_it_where_it_has_a_place, "where assistants may show pictures they stay");
    TEST(leaves_out_files, "a file that a model made is left out, a user's stays");
    TEST(a_budget_that_is_spent_is_reported, "without memory the chat stays and that is told");
    return tap_done();
}
