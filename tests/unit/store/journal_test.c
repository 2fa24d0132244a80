/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include "store/journal_internal.h"
#include "store/record_codec.h"
#include "tests/tap.h"
#include "tests/unit/store/store_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct scratch scratch;
static char directory[256];

static struct journal *open_small(struct journal_position resume, size_t segments_max)
{
    struct error error;
    const struct journal_options options = {
        .directory = directory,
        .segment_bytes = SEGMENT_BYTES_MIN,
        .segments_max = segments_max,
        .sync_ms = 5,
        .resume = resume,
    };
    struct journal *journal = journal_open(&options, &error);
    if (journal == NULL) {
        printf("# %s: %s\n", error.code, error.text);
    }
    return journal;
}

static void begin(void)
{
    scratch_init(&scratch);
    scratch_file(&scratch, "journal.d", directory);
}

static void end(void)
{
    scratch_release(&scratch);
}

static bool append_hold(struct journal *journal, uint64_t seed)
{
    struct hold_record hold = sample_hold(seed, 1);
    return journal_hold(journal, &hold);
}

/* Reads all there is: holds with the seeds first, first + 1 ...; returns how many. */
static uint64_t read_holds(struct journal *journal, struct journal_position *position,
                           uint64_t first)
{
    struct journal_entry entry;
    uint64_t count = 0;
    while (journal_read(journal, position, &entry)) {
        struct hold_record wanted = sample_hold(first + count, 1);
        EXPECT_INT(entry.kind, JOURNAL_HOLD);
        EXPECT(memcmp(&entry.hold.call, &wanted.call, sizeof(wanted.call)) == 0);
        EXPECT(slice_eq(entry.hold.model, wanted.model));
        EXPECT_INT(entry.after.record, position->record);
        count++;
    }
    return count;
}

static void keeps_order_and_kinds(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 0);
    struct hold_record hold = sample_hold(1, 1);
    struct settle_record settle = sample_settle(1, 1);
    struct call_record call = sample_call(1);
    EXPECT(journal_hold(journal, &hold));
    EXPECT(journal_settle(journal, &settle));
    EXPECT(journal_call(journal, &call));
    EXPECT(journal_settle_and_call(journal, &settle, &call));
    struct journal_position position = {0};
    struct journal_entry entry;
    EXPECT(journal_read(journal, &position, &entry) && entry.kind == JOURNAL_HOLD);
    EXPECT(journal_read(journal, &position, &entry) && entry.kind == JOURNAL_SETTLE);
    EXPECT_INT(entry.settle.cost_nd, settle.cost_nd);
    EXPECT(journal_read(journal, &position, &entry) && entry.kind == JOURNAL_CALL);
    EXPECT(slice_eq(entry.call.route, call.route));
    EXPECT(journal_read(journal, &position, &entry) && entry.kind == JOURNAL_SETTLE_AND_CALL);
    EXPECT_INT(entry.settle.cost_nd, settle.cost_nd);
    EXPECT_INT(entry.call.cost_nd, call.cost_nd);
    EXPECT(!journal_read(journal, &position, &entry));
    EXPECT_INT(position.record, 4);
    journal_close(journal);
    end();
}

static void goes_on_over_many_segments(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 4);
    struct journal_position position = {0};
    uint64_t written = 0;
    uint64_t read = 0;
    while (written < 20000) {
        for (int i = 0; i < 100; i++) {
            EXPECT(append_hold(journal, written++));
        }
        read += read_holds(journal, &position, read);
        EXPECT_INT(read, written);
        journal_consumed(journal, position);
    }
    EXPECT(position.segment > 10);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    EXPECT_INT(stats.records, 20000);
    EXPECT_INT(stats.unread_records, 0);
    EXPECT_INT(stats.oldest_unread_wall_ns, 0);
    EXPECT_INT(stats.refused, 0);
    EXPECT(stats.segments <= 4);
    journal_close(journal);
    end();
}

static bool is_prepared(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool prepared = journal->spare != NULL && !journal->prepare_wanted;
    pthread_mutex_unlock(&journal->lock);
    return prepared;
}

/* The preparer is waited for: in time to write less than a segment it would be ready by itself. */
static void write_and_read(struct journal *journal, uint64_t segments)
{
    struct journal_position position = {0};
    while (position.segment < segments) {
        for (int i = 0; i < 100; i++) {
            EXPECT(append_hold(journal, position.record + (uint64_t)i));
        }
        EXPECT_INT(read_holds(journal, &position, position.record), 100);
        journal_consumed(journal, position);
        while (!is_prepared(journal)) {
            sched_yield();
        }
    }
}

/* How many files were made since the last question; renamed ones are not. */
static unsigned files_made(int watch)
{
    _Alignas(struct inotify_event) char events[8192];
    unsigned count = 0;
    for (ssize_t len; (len = read(watch, events, sizeof(events))) > 0;) {
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const void *)(events + at);
            count += (event->mask & IN_CREATE) != 0;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    return count;
}

static void files_are_written_again(void)
{
    begin();
    const struct journal_options options = {
        .directory = directory,
        .segment_bytes = SEGMENT_BYTES_MIN,
        .segments_max = 8,
        .sync_ms = 600000, /* what is being synced cannot be used again yet */
    };
    int watch = inotify_init1(IN_NONBLOCK);
    EXPECT(mkdir(directory, 0700) == 0);
    EXPECT(inotify_add_watch(watch, directory, IN_CREATE) >= 0);
    struct journal *journal = journal_open(&options, NULL);
    write_and_read(journal, 60);
    journal_close(journal);
    unsigned made = files_made(watch);
    EXPECT(made >= 3 && made <= 4); /* the lock, the active one, the spare, perhaps a retired one */
    close(watch);
    end();
}

static size_t retired_count(struct journal *journal)
{
    size_t count = 0;
    pthread_mutex_lock(&journal->lock);
    for (const struct segment *s = journal->retired; s != NULL; s = s->next) {
        count++;
    }
    pthread_mutex_unlock(&journal->lock);
    return count;
}

static void wait_for_one_retired(struct journal *journal)
{
    for (int i = 0; i < 1000000 && (retired_count(journal) > 1 || !is_prepared(journal)); i++) {
        sched_yield(); /* without another call of the preparer */
    }
    EXPECT_INT(retired_count(journal), 1);
}

/* Full segments below `number` are read at once. */
static struct journal *open_with_retired(size_t bytes, uint64_t number)
{
    const struct journal_options options = {
        .directory = directory,
        .segment_bytes = bytes,
        .segments_max = 16,
        .sync_ms = 600000, /* the test syncs */
    };
    struct journal *journal = journal_open(&options, NULL);
    struct journal_position position = {0};
    uint64_t records = 0;
    while (journal->active->number < number) { /* this thread's appends change it */
        EXPECT(append_hold(journal, records++));
    }
    for (int i = 0; i < 1000000 && !is_prepared(journal); i++) {
        sched_yield(); /* else it is made of one of those that are read */
    }
    EXPECT_INT(read_holds(journal, &position, 0), records);
    journal_consumed(journal, position);
    return journal;
}

static void the_newest_read_segment_is_kept(void)
{
    begin();
    struct journal *journal = open_with_retired(SEGMENT_BYTES_MIN, 8);
    wait_for_one_retired(journal);
    EXPECT_INT(journal->retired->number, 7);
    journal_close(journal);
    end();
}

static void a_sync_leaves_the_window_alone(void)
{
    begin();
    struct journal *journal = open_with_retired((size_t)2 << 20, 2); /* more than its window */
    wait_for_one_retired(journal);
    int calls = 0;
    for (uint64_t i = 0; i < 8; i++) {
        pthread_mutex_lock(&journal->lock);
        journal->prepare_at = UINT64_MAX; /* only the preparer changes it, when it is called */
        pthread_mutex_unlock(&journal->lock);
        EXPECT(append_hold(journal, i));
        journal_sync(journal);
        pthread_mutex_lock(&journal->lock);
        calls += journal->prepare_at != UINT64_MAX || journal->prepare_wanted;
        pthread_mutex_unlock(&journal->lock);
    }
    EXPECT(calls <= 1); /* it may still have been at work when the first was made */
    journal_close(journal);
    end();
}

static void reopening_finds_what_is_unread(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 0);
    for (uint64_t i = 0; i < 3000; i++) {
        EXPECT(append_hold(journal, i));
    }
    struct journal_position position = {0};
    struct journal_entry entry;
    for (int i = 0; i < 1000; i++) {
        EXPECT(journal_read(journal, &position, &entry));
    }
    journal_consumed(journal, position);
    journal_close(journal);

    journal = open_small(position, 0);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    EXPECT_INT(stats.unread_records, 2000);
    EXPECT(stats.oldest_unread_wall_ns != 0);
    for (uint64_t i = 3000; i < 3500; i++) {
        EXPECT(append_hold(journal, i));
    }
    EXPECT_INT(read_holds(journal, &position, 1000), 2500);
    EXPECT_INT(position.record, 3500);
    journal_consumed(journal, position);
    journal_close(journal);

    /* Everything was read: nothing is left to read, and numbers go on. */
    journal = open_small(position, 0);
    journal_stats(journal, &stats);
    EXPECT_INT(stats.unread_records, 0);
    EXPECT_INT(stats.segments, 1);
    EXPECT(append_hold(journal, 1));
    EXPECT_INT(read_holds(journal, &position, 1), 1);
    EXPECT_INT(position.record, 3501);
    journal_close(journal);
    end();
}

static void a_full_journal_refuses_and_recovers(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 3);
    uint64_t written = 0;
    while (append_hold(journal, written)) {
        written++;
        EXPECT(written < 100000);
    }
    struct journal_stats stats;
    journal_stats(journal, &stats);
    EXPECT(stats.refused > 0);
    EXPECT_INT(stats.segments, 3);
    EXPECT(!append_hold(journal, written));

    /* What was begun can be ended all the same, far beyond what a server has under way. */
    struct settle_record settle = sample_settle(1, 1);
    struct call_record call = sample_call(1);
    struct call_record lone = call;
    lone.attempts = 0;
    EXPECT(!journal_call(journal, &lone));
    uint64_t ended = 0;
    while (ended < 64) {
        EXPECT(journal_settle_and_call(journal, &settle, &call));
        ended++;
    }
    EXPECT(!append_hold(journal, written));

    struct journal_position position = {0};
    struct journal_entry entry;
    uint64_t read = 0;
    while (journal_read(journal, &position, &entry)) {
        read++;
    }
    EXPECT_INT(read, written + ended);
    journal_consumed(journal, position);
    for (int i = 0; i < 500; i++) {
        EXPECT(append_hold(journal, written + (uint64_t)i));
    }
    EXPECT_INT(read_holds(journal, &position, written), 500);
    journal_close(journal);
    end();
}

static void a_second_process_is_refused_with_the_pid(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 0);
    struct error error;
    const struct journal_options options = {.directory = directory};
    char pid[32];
    snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    struct journal *second = journal_open(&options, &error);
    EXPECT(second == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), "journal_locked");
    EXPECT(strstr(error.text, pid) != NULL);
    journal_close(journal);
    second = journal_open(&options, &error);
    EXPECT(second != NULL);
    journal_close(second);
    end();
}

/* --- damage ------------------------------------------------------------------------------------
 */

/* The segment files with their records, by hand: what a crash leaves. */
static void write_segment(uint64_t number, const char *bytes, size_t len)
{
    char name[SEGMENT_NAME_SIZE];
    char path[320];
    snprintf(path, sizeof(path), "%s/%s", directory, segment_name(number, name));
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    EXPECT(ftruncate(fd, (off_t)SEGMENT_BYTES_MIN) == 0);
    close(fd);
}

static void read_segment(uint64_t number, char *bytes, size_t len)
{
    char name[SEGMENT_NAME_SIZE];
    char path[320];
    snprintf(path, sizeof(path), "%s/%s", directory, segment_name(number, name));
    int fd = open(path, O_RDONLY);
    EXPECT(fd >= 0 && read(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

/* Ten records and where the last one lies, without the syncer's padding. */
static size_t make_ten(char *bytes, size_t *ret_last)
{
    struct journal *journal = open_small((struct journal_position){0}, 0);
    size_t last = 0;
    for (uint64_t i = 0; i < 10; i++) {
        last = (size_t)journal_end(journal).offset;
        EXPECT(append_hold(journal, i));
    }
    size_t end_offset = (size_t)journal_end(journal).offset;
    journal_close(journal);
    read_segment(1, bytes, SEGMENT_BYTES_MIN);
    *ret_last = last;
    return end_offset;
}

static uint64_t count_after_reopen(void)
{
    struct journal *journal = open_small((struct journal_position){0}, 0);
    struct journal_position position = {0};
    uint64_t count = read_holds(journal, &position, 0);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    EXPECT_INT(stats.unread_records, count);
    /* And it takes new ones, in their place. */
    EXPECT(append_hold(journal, count));
    EXPECT_INT(read_holds(journal, &position, count), 1);
    journal_close(journal);
    return count;
}

static void a_record_torn_at_any_byte_is_not_there(void)
{
    static char whole[SEGMENT_BYTES_MIN];
    static char torn[SEGMENT_BYTES_MIN];
    size_t last;
    begin();
    size_t end_offset = make_ten(whole, &last);
    EXPECT(end_offset > last);
    for (size_t cut = last; cut < end_offset; cut++) {
        remove_tree(directory, 0);
        mkdir(directory, 0700);
        memcpy(torn, whole, sizeof(torn));
        memset(torn + cut, cut % 2 == 0 ? 0 : 0xA5, end_offset - cut);
        memset(torn + end_offset, 0, sizeof(torn) - end_offset);
        write_segment(1, torn, sizeof(torn));
        uint64_t count = count_after_reopen();
        /* The padding at the end is not part of the record. */
        EXPECT(count == 9 || (count == 10 && cut + 8 > end_offset));
    }
    end();
}

static void a_changed_byte_ends_the_segment(void)
{
    static char whole[SEGMENT_BYTES_MIN];
    size_t last;
    begin();
    (void)make_ten(whole, &last);
    whole[last + RECORD_HEADER_BYTES + 3] ^= 1;
    remove_tree(directory, 0);
    mkdir(directory, 0700);
    write_segment(1, whole, sizeof(whole));
    EXPECT_INT(count_after_reopen(), 9);
    end();
}

/* Fills and reuses segments with records of one length, so that an older record lies exactly behind
 * the last new one; says where its reader was, appends five more and dies. */
static void reuse_segments(int tell)
{
    struct journal_position position = {0};
    struct journal_entry entry;
    const struct journal_options options = {
        .directory = directory,
        .segment_bytes = SEGMENT_BYTES_MIN,
        .segments_max = 2,
        .sync_ms = 600000, /* a sync would put padding between them */
    };
    struct journal *journal = journal_open(&options, NULL);
    while (journal != NULL && position.segment < 8) {
        if (!append_hold(journal, 5) || !journal_read(journal, &position, &entry)) {
            _exit(1);
        }
        journal_consumed(journal, position);
    }
    for (int i = 0; i < 5; i++) {
        (void)!append_hold(journal, 5);
    }
    (void)!write(tell, &position, sizeof(position));
    raise(SIGKILL);
}

static void old_records_of_a_reused_segment_are_not_read(void)
{
    begin();
    int told[2];
    EXPECT(pipe(told) == 0);
    pid_t child = fork();
    if (child == 0) {
        reuse_segments(told[1]);
    }
    struct journal_position position;
    struct journal_entry entry;
    waitpid(child, NULL, 0);
    EXPECT(read(told[0], &position, sizeof(position)) == (ssize_t)sizeof(position));
    struct journal *journal = open_small(position, 2);
    for (int i = 0; i < 5; i++) {
        EXPECT(journal_read(journal, &position, &entry));
    }
    EXPECT(!journal_read(journal, &position, &entry));
    journal_close(journal);
    close(told[0]);
    close(told[1]);
    end();
}

static void a_damaged_header_is_set_aside_not_deleted(void)
{
    static char whole[SEGMENT_BYTES_MIN];
    size_t last;
    char name[SEGMENT_NAME_SIZE];
    char path[340];
    begin();
    (void)make_ten(whole, &last);
    whole[9] ^= 1;
    remove_tree(directory, 0);
    mkdir(directory, 0700);
    write_segment(1, whole, sizeof(whole));
    EXPECT_INT(count_after_reopen(), 0);
    snprintf(path, sizeof(path), "%s/%s.damaged", directory, segment_name(1, name));
    EXPECT(access(path, F_OK) == 0);
    end();
}

static void survives_kill_9_at_once(void)
{
    begin();
    int ready[2];
    EXPECT(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal = open_small((struct journal_position){0}, 0);
        for (uint64_t i = 0; journal != NULL && i < 2000; i++) {
            if (!append_hold(journal, i)) {
                _exit(1);
            }
        }
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(1);
    }
    char byte;
    EXPECT(read(ready[0], &byte, 1) == 1);
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    EXPECT(WIFSIGNALED(status));
    EXPECT_INT(count_after_reopen(), 2000);
    close(ready[0]);
    close(ready[1]);
    end();
}

/* --- threads -----------------------------------------------------------------------------------
 */

#define APPENDERS 4
#define APPENDS 5000

struct appender {
    struct journal *journal;
    uint32_t number;
    uint64_t refused;
};

static void *append_many(void *argument)
{
    struct appender *appender = argument;
    for (uint64_t i = 0; i < APPENDS; i++) {
        struct hold_record hold = sample_hold(i % 16, appender->number);
        hold.amount_nd = (int64_t)i;
        while (!journal_hold(appender->journal, &hold)) {
            appender->refused++;
        }
    }
    return NULL;
}

static void threads_append_at_the_same_time(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 64);
    pthread_t threads[APPENDERS];
    struct appender appenders[APPENDERS];
    int64_t next[APPENDERS] = {0};
    for (uint32_t i = 0; i < APPENDERS; i++) {
        appenders[i] = (struct appender){journal, i, 0};
        EXPECT(pthread_create(&threads[i], NULL, append_many, &appenders[i]) == 0);
    }
    struct journal_position position = {0};
    struct journal_entry entry;
    uint64_t total = 0;
    while (total < APPENDERS * APPENDS) {
        journal_wait(journal, position, 1000, 20);
        while (journal_read(journal, &position, &entry)) {
            /* Each thread's own records are in its order. */
            EXPECT_INT(entry.hold.amount_nd, next[entry.hold.attempt]);
            next[entry.hold.attempt]++;
            total++;
        }
        journal_consumed(journal, position);
        struct journal_stats stats;
        journal_stats(journal, &stats);
    }
    for (int i = 0; i < APPENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT_INT(position.record, APPENDERS * APPENDS);
    journal_close(journal);
    end();
}

static void waiting_ends_by_records_time_or_a_wake(void)
{
    begin();
    struct journal *journal = open_small((struct journal_position){0}, 0);
    struct journal_position position = {0};
    int64_t start = clock_monotonic(&clock_system);
    journal_wait(journal, position, 1, 30);
    EXPECT(clock_monotonic(&clock_system) - start >= 30 * NS_PER_MS);
    journal_wake(journal);
    journal_wait(journal, position, 1, 60000);
    EXPECT(append_hold(journal, 1));
    journal_wait(journal, position, 1, 60000);
    EXPECT(clock_monotonic(&clock_system) - start < 30 * NS_PER_S);
    journal_close(journal);
    end();
}

/* Not even root makes one below a device; a name that "does not exist" may be made by anybody. */
static void a_directory_that_cannot_be_made_is_an_error(void)
{
    struct error error;
    const struct journal_options options = {.directory = "/dev/null/journal.d"};
    EXPECT(journal_open(&options, &error) == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), "journal_open");
}

/* A power loss took records that were applied already: their numbers are not given again. */
static void numbers_never_go_back(void)
{
    begin();
    struct error error;
    struct journal_options options = {.directory = directory, .segment_bytes = SEGMENT_BYTES_MIN};
    struct journal *journal = journal_open(&options, &error);
    struct journal_position position = {0};
    EXPECT(append_hold(journal, 0) && append_hold(journal, 1));
    EXPECT_INT(read_holds(journal, &position, 0), 2);
    journal_close(journal);
    options.resume = (struct journal_position){position.segment, SEGMENT_HEADER_BYTES, 0};
    options.applied_record = 50;
    journal = journal_open(&options, &error);
    EXPECT_INT(journal_end(journal).record, 50);
    EXPECT(append_hold(journal, 2));
    position = options.resume;
    EXPECT_INT(read_holds(journal, &position, 0), 3);
    EXPECT_INT(position.record, 51);
    journal_close(journal);
    end();
}

int main(void)
{
    TEST(keeps_order_and_kinds, "records come back in order, each as its kind");
    TEST(goes_on_over_many_segments, "segments rotate and are used again");
    TEST(files_are_written_again, "files that were read to their end are written again");
    TEST(the_newest_read_segment_is_kept, "of the segments read at once only the newest is kept");
    TEST(a_sync_leaves_the_window_alone, "a sync does not move the pages kept ahead");
    TEST(reopening_finds_what_is_unread, "reopening finds exactly what is unread");
    TEST(a_full_journal_refuses_and_recovers, "a full journal refuses and recovers");
    TEST(a_second_process_is_refused_with_the_pid, "a second process is refused with the pid");
    TEST(a_record_torn_at_any_byte_is_not_there, "a record torn at any byte is not there");
    TEST(a_changed_byte_ends_the_segment, "a changed byte ends the segment");
    TEST(old_records_of_a_reused_segment_are_not_read,
         "old records of a reused segment are not read");
    TEST(a_damaged_header_is_set_aside_not_deleted, "a damaged header is set aside, not deleted");
    TEST(survives_kill_9_at_once, "what was appended survives kill -9 at once");
    TEST(threads_append_at_the_same_time, "threads append at the same time");
    TEST(waiting_ends_by_records_time_or_a_wake, "waiting ends by records, time or a wake");
    TEST(a_directory_that_cannot_be_made_is_an_error,
         "a directory that cannot be made is an error");
    TEST(numbers_never_go_back, "no record gets the number of one that was applied and lost");
    return tap_done();
}
