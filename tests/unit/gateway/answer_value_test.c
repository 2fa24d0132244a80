/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_value.h"

#include "tests/tap.h"

static const struct answer_value sample = {
    .made_wall_ns = 1795000000000000000,
    .usage = {.input = 10, .output = 20, .cache_read = 3, .reasoning = 4, .reported = true},
    .content_type = SLICE_INIT("text/event-stream"),
    .names = {SLICE_INIT("haiku"), SLICE_INIT("openrouter"), SLICE_INIT("anthropic/haiku")},
    .body = SLICE_INIT("data: {}\n\n"),
};

static void what_is_written_is_read(void)
{
    struct buf out = BUF_INIT(4096);
    struct answer_value value;
    EXPECT(answer_value_write(&sample, &out));
    EXPECT(answer_value_read(buf_slice(&out), &value));
    EXPECT_INT(value.made_wall_ns, sample.made_wall_ns);
    EXPECT_INT(value.usage.input, 10);
    EXPECT_INT(value.usage.output, 20);
    EXPECT_INT(value.usage.cache_read, 3);
    EXPECT_INT(value.usage.reasoning, 4);
    EXPECT(value.usage.reported);
    EXPECT_SLICE(value.content_type, "text/event-stream");
    EXPECT_SLICE(value.names[0], "haiku");
    EXPECT_SLICE(value.names[2], "anthropic/haiku");
    EXPECT_SLICE(value.body, "data: {}\n\n");
    buf_release(&out);
}

static void a_part_of_it_is_no_answer(void)
{
    struct buf out = BUF_INIT(4096);
    struct answer_value value;
    EXPECT(answer_value_write(&sample, &out));
    for (size_t len = 0; len < out.len; len++) {
        EXPECT(!answer_value_read(slice_of(out.ptr, len), &value));
    }
    buf_append_char(&out, 'x');
    EXPECT(!answer_value_read(buf_slice(&out), &value));
    buf_release(&out);
}

static void numbers_beyond_reason_are_no_answer(void)
{
    struct buf out = BUF_INIT(4096);
    struct answer_value value;
    EXPECT(answer_value_write(&sample, &out));
    for (size_t word = 0; word < 11; word++) { /* version, numbers, the first length */
        char kept = out.ptr[word * 8 + 7];
        out.ptr[word * 8 + 7] = (char)0xFF;
        EXPECT(!answer_value_read(buf_slice(&out), &value));
        out.ptr[word * 8 + 7] = kept;
    }
    EXPECT(answer_value_read(buf_slice(&out), &value));
    buf_release(&out);
}

static void long_names_are_not_kept(void)
{
    static char name[ANSWER_NAME_MAX + 1];
    struct answer_value value = sample;
    struct buf out = BUF_INIT(65536);
    memset(name, 'n', sizeof(name));
    value.names[1] = slice_of(name, ANSWER_NAME_MAX);
    EXPECT(answer_value_write(&value, &out));
    value.names[1] = slice_of(name, sizeof(name));
    EXPECT(!answer_value_write(&value, &out));
    buf_release(&out);
}

int main(void)
{
    TEST(what_is_written_is_read, "what is written is read");
    TEST(a_part_of_it_is_no_answer, "a part of it is no answer");
    TEST(numbers_beyond_reason_are_no_answer, "numbers beyond reason are no answer");
    TEST(long_names_are_not_kept, "names that are too long are not kept");
    return tap_done();
}
