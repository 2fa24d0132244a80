/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's reader on bytes that changed under it, on positions of the past, and what it gives
 * back. */
#include "store/journal.h"

#include "base/hash.h"
#include "store/journal_segment.h"
#include "tests/tap.h"
#include "tests/unit/store/store_testing.h"

#include <fcntl.h>

static struct scratch scratch;
static char directory[256];
static struct journal *journal;

static void begin(size_t segment_bytes)
{
    struct error error;
    const struct journal_options options = {
        .directory = scratch_file(&scratch, "journal.d", directory),
        .segment_bytes = segment_bytes,
        .segments_max = 8,
        .sync_ms = 600000, /* a sync would put padding between the records */
    };
    journal = journal_open(&options, &error);
    CHECK(journal != NULL);
}

static void begin_anew(size_t segment_bytes)
{
    scratch_init(&scratch);
    scratch_file(&scratch, "journal.d", directory);
    begin(segment_bytes);
}

static void end(void)
{
    journal_close(journal);
    scratch_release(&scratch);
}

static bool append_hold(uint64_t seed)
{
    struct hold_record hold = sample_hold(seed, 1);
    return journal_hold(journal, &hold);
}

/* Reads the next record: is it the hold of this seed? */
static bool next_is_hold(struct journal_position *position, uint64_t seed)
{
    struct journal_entry entry;
    struct hold_record wanted = sample_hold(seed, 1);
    return journal_read(journal, position, &entry) && entry.kind == JOURNAL_HOLD &&
           memcmp(&entry.hold.call, &wanted.call, sizeof(wanted.call)) == 0;
}

static uint64_t damaged(void)
{
    struct journal_stats stats;
    journal_stats(journal, &stats);
    return stats.damaged;
}

static int open_segment(uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    char path[320];
    snprintf(path, sizeof(path), "%s/%s", directory, segment_name(number, name));
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    return fd;
}

/* Gives the record another kind, with a checksum that fits. */
static void change_kind(struct journal_position at, uint32_t kind)
{
    struct record_header header;
    char payload[2048];
    int fd = open_segment(at.segment);
    CHECK(pread(fd, &header, sizeof(header), (off_t)at.offset) == sizeof(header));
    CHECK(header.length <= sizeof(payload));
    off_t behind = (off_t)(at.offset + sizeof(header));
    CHECK(pread(fd, payload, header.length, behind) == (ssize_t)header.length);
    header.kind = kind;
    header.crc = record_crc(crc32c(0, payload, header.length), &header);
    CHECK(pwrite(fd, &header, sizeof(header), (off_t)at.offset) == sizeof(header));
    close(fd);
}

static void flip_byte(struct journal_position at, size_t inside)
{
    char byte;
    int fd = open_segment(at.segment);
    CHECK(pread(fd, &byte, 1, (off_t)(at.offset + inside)) == 1);
    byte = (char)(byte ^ 0x20);
    CHECK(pwrite(fd, &byte, 1, (off_t)(at.offset + inside)) == 1);
    close(fd);
}

static void a_record_of_another_kind_is_skipped_alone(void)
{
    static const uint32_t kinds[] = {JOURNAL_SETTLE, JOURNAL_CALL, JOURNAL_SETTLE_AND_CALL, 5, 77,
                                     UINT32_MAX};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct journal_position position = {0};
        begin_anew(SEGMENT_BYTES_MIN);
        EXPECT(append_hold(0));
        struct journal_position second = journal_end(journal);
        EXPECT(append_hold(1) && append_hold(2));
        change_kind(second, kinds[k]);
        EXPECT(next_is_hold(&position, 0));
        EXPECT(next_is_hold(&position, 2));
        EXPECT_INT(position.record, 3);
        EXPECT_INT(damaged(), 1);
        end();
    }
}

/* Without its length nobody knows where the next one begins: the rest of the segment is lost, and
 * said to be; the next segment is not. */
static void a_record_that_changed_ends_its_segment(void)
{
    struct journal_position position = {0};
    begin_anew(SEGMENT_BYTES_MIN);
    EXPECT(append_hold(0));
    struct journal_position second = journal_end(journal);
    uint64_t seed = 1;
    while (journal_end(journal).segment == second.segment) {
        EXPECT(append_hold(seed++));
    }
    flip_byte(second, RECORD_HEADER_BYTES + 5);
    EXPECT(next_is_hold(&position, 0));
    EXPECT(next_is_hold(&position, seed - 1));
    EXPECT_INT(position.segment, second.segment + 1);
    EXPECT_INT(position.record, seed);
    EXPECT_INT(damaged(), 1);
    EXPECT(append_hold(seed));
    EXPECT(next_is_hold(&position, seed));
    end();
}

/* Appends until there are that many segments; ret_starts: where the first record of each begins. */
static uint64_t fill_segments(uint64_t count, struct journal_position *ret_starts)
{
    uint64_t seed = 0;
    uint64_t segment = 0;
    uint64_t found = 0;
    while (found < count) {
        EXPECT(append_hold(seed++));
        struct journal_position after = journal_end(journal);
        if (after.segment != segment) {
            segment = after.segment;
            ret_starts[found++] =
                (struct journal_position){segment, SEGMENT_HEADER_BYTES, after.record - 1};
        }
    }
    return seed;
}

static void reading_begins_anywhere(void)
{
    struct journal_position starts[4];
    begin_anew(SEGMENT_BYTES_MIN);
    uint64_t seeds = fill_segments(4, starts);
    journal_close(journal);
    begin(SEGMENT_BYTES_MIN);
    for (size_t i = ARRAY_LEN(starts); i > 0; i--) {
        struct journal_position position = starts[i - 1];
        for (uint64_t seed = starts[i - 1].record; seed < seeds; seed++) {
            EXPECT(next_is_hold(&position, seed));
        }
        struct journal_entry entry;
        EXPECT(!journal_read(journal, &position, &entry));
    }
    end();
}

/* The reader stands in a segment that it declares read: what it cached must not be used again. */
static void consuming_ahead_of_the_reader_is_safe(void)
{
    struct journal_position starts[4];
    struct journal_position position = {0};
    begin_anew(SEGMENT_BYTES_MIN);
    uint64_t seeds = fill_segments(4, starts);
    EXPECT(next_is_hold(&position, 0));
    journal_consumed(journal, starts[3]);
    /* A position of the past moves to what is oldest now. */
    EXPECT(next_is_hold(&position, starts[3].record));
    EXPECT_INT(position.segment, starts[3].segment);
    EXPECT_INT(position.record, starts[3].record + 1);
    for (uint64_t seed = position.record; seed < seeds; seed++) {
        EXPECT(next_is_hold(&position, seed));
    }
    EXPECT_INT(damaged(), 0);
    end();
}

/* Pages behind the reader are given up in steps; the file keeps them. */
static void consumed_pages_are_given_up_and_not_lost(void)
{
    struct journal_position position = {0};
    begin_anew((size_t)2 << 20);
    uint64_t appended = 0;
    while (journal_end(journal).offset < 1u << 20) {
        EXPECT(append_hold(appended++));
    }
    for (uint64_t seed = 0; seed < appended; seed++) {
        EXPECT(next_is_hold(&position, seed));
        journal_consumed(journal, position);
    }
    struct journal_stats stats;
    journal_stats(journal, &stats);
    EXPECT_INT(stats.unread_records, 0);
    EXPECT_INT(stats.segments, 1);
    EXPECT(append_hold(appended));
    EXPECT(next_is_hold(&position, appended));
    position = (struct journal_position){0};
    for (uint64_t seed = 0; seed <= appended; seed++) {
        EXPECT(next_is_hold(&position, seed));
    }
    EXPECT_INT(damaged(), 0);
    end();
}

int main(void)
{
    TEST(a_record_of_another_kind_is_skipped_alone,
         "a record that cannot be decoded is skipped and counted, the others are read");
    TEST(a_record_that_changed_ends_its_segment,
         "a record that changed on the disk ends its segment, not the next one");
    TEST(reading_begins_anywhere, "reading begins at any segment, forwards or back");
    TEST(consuming_ahead_of_the_reader_is_safe, "consuming ahead of the reader is safe");
    TEST(consumed_pages_are_given_up_and_not_lost, "pages given up behind the reader are not lost");
    return tap_done();
}
