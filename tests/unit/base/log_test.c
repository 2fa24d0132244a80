/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* What was logged to a file since log_start(). */
struct capture {
    FILE *file;
    char *text;
    size_t len;
};

static void capture_start(struct capture *c, enum log_format format, enum log_level level)
{
    *c = (struct capture){.file = tmpfile()};
    log_start(fileno(c->file), format, level);
}

static void capture_stop(struct capture *c)
{
    log_stop();
    long size = lseek(fileno(c->file), 0, SEEK_END);
    c->text = calloc(1, (size_t)size + 1);
    if (c->text != NULL && pread(fileno(c->file), c->text, (size_t)size, 0) == size) {
        c->len = (size_t)size;
    }
}

static void capture_release(struct capture *c)
{
    free(c->text);
    fclose(c->file);
}

static bool contains(const struct capture *c, const char *part)
{
    return strstr(c->text, part) != NULL;
}

static size_t count_lines(const struct capture *c)
{
    size_t lines = 0;
    for (size_t i = 0; i < c->len; i++) {
        lines += c->text[i] == '\n';
    }
    return lines;
}

static void test_json_lines(void)
{
    struct capture c;
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    log_event(LOG_WARN, "reload_failed", "line %d: %s", 3, "bad \"value\" \\ here");
    log_line(SLICE("{\"status\":200}"));
    capture_stop(&c);
    EXPECT_INT(count_lines(&c), 2);
    EXPECT(strncmp(c.text, "{\"ts\":\"20", 9) == 0);
    EXPECT(contains(&c, "Z\",\"level\":\"warn\",\"event\":\"reload_failed\",\"msg\":\"line 3: bad "
                        "\\\"value\\\" \\\\ here\"}\n{\"status\":200}\n"));
    capture_release(&c);
}

static void test_escapes_in_json(void)
{
    struct capture c;
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    log_event(LOG_INFO, "odd", "%s", "a\nb\x1b[31m\x7f\xC2\x85\xC3\xA4\xFF|");
    log_line(SLICE("{\"a\":\n\t1}"));
    capture_stop(&c);
    EXPECT_INT(count_lines(&c), 2);
    EXPECT(contains(&c, "\"a\\u000ab\\u001b[31m\\u007f\\u0085\xC3\xA4\xEF\xBF\xBD|\"}\n"));
    EXPECT(contains(&c, "{\"a\":  1}\n"));
    capture_release(&c);
}

static void test_text_for_a_terminal(void)
{
    struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT, LOG_DEBUG);
    log_event(LOG_DEBUG, "started", "port %d \"x\"\x1b]0;title\x07", 4141);
    capture_stop(&c);
    EXPECT(contains(&c, "Z DEBUG started: port 4141 \"x\"\\x1b]0;title\\x07\n"));
    capture_release(&c);
}

static void test_level(void)
{
    struct capture c;
    capture_start(&c, LOG_FORMAT_JSON, LOG_WARN);
    EXPECT(!log_enabled(LOG_INFO));
    EXPECT(log_enabled(LOG_WARN) && log_enabled(LOG_ERROR));
    log_event(LOG_INFO, "quiet", "x");
    log_event(LOG_ERROR, "loud", "x");
    capture_stop(&c);
    EXPECT_INT(count_lines(&c), 1);
    EXPECT(contains(&c, "\"level\":\"error\",\"event\":\"loud\""));
    capture_release(&c);
}

static void test_long_message_is_cut(void)
{
    static char text[10000];
    struct capture c;
    memset(text, '\x01', sizeof(text) - 1);
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    log_event(LOG_INFO, "long", "%s", text);
    log_event(LOG_INFO, "after", "x");
    capture_stop(&c);
    EXPECT_INT(count_lines(&c), 2);
    EXPECT(contains(&c, "\\u0001\"}\n{\"ts\""));
    EXPECT(c.len > 2000 * 6 && c.len < 2100 * 6 + 200);
    capture_release(&c);
}

static void test_huge_ready_line_is_dropped(void)
{
    static char text[100000];
    struct capture c;
    memset(text, 'x', sizeof(text));
    uint64_t before = log_dropped();
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    log_line(slice_of(text, sizeof(text)));
    capture_stop(&c);
    EXPECT_INT(log_dropped() - before, 1);
    EXPECT(contains(&c, "\"event\":\"log_dropped\",\"msg\":\"1 lines were lost\""));
    capture_release(&c);
}

enum { THREADS = 4, LINES_EACH = 5000 };

static void *write_lines(void *context)
{
    const char *name = context;
    for (int i = 0; i < LINES_EACH; i++) {
        char line[100];
        int len = snprintf(line, sizeof(line), "{\"thread\":\"%s\",\"n\":%d}", name, i);
        log_line(slice_of(line, (size_t)len));
    }
    return NULL;
}

/* Lines come out whole and in the order of each thread; what is missing is counted. */
static void test_many_threads(void)
{
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    int last[THREADS] = {-1, -1, -1, -1};
    pthread_t threads[THREADS];
    uint64_t before = log_dropped();
    uint64_t seen = 0;
    struct capture c;
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, write_lines, names[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    capture_stop(&c);
    struct slice rest = slice_of(c.text, c.len);
    while (rest.len > 0) {
        char line[200];
        char name = 0;
        int n = 0;
        slice_to_cstr(slice_cut(&rest, '\n'), line, sizeof(line));
        if (sscanf(line, "{\"thread\":\"%c\",\"n\":%d}", &name, &n) == 2) {
            EXPECT(name >= 'a' && name <= 'd' && n > last[name - 'a']);
            last[name - 'a'] = n;
            seen++;
        } else {
            EXPECT(strstr(line, "log_dropped") != NULL);
        }
    }
    EXPECT_INT(seen + (log_dropped() - before), THREADS * LINES_EACH);
    EXPECT(seen > 1000);
    capture_release(&c);
}

/* A pipe that nobody reads: callers go on, lines are lost and counted, and stopping ends. */
static void test_reader_that_does_not_read(void)
{
    int ends[2];
    uint64_t before = log_dropped();
    EXPECT(pipe(ends) == 0);
    log_start(ends[1], LOG_FORMAT_JSON, LOG_INFO);
    for (int i = 0; i < 20000; i++) {
        log_line(SLICE("{\"text\":\"a line of some length, so that the ring of the log fills up "
                       "before the last of them was put in\"}"));
    }
    EXPECT(log_dropped() - before > 5000);
    log_stop();
    EXPECT(log_dropped() - before > 18000);
    close(ends[0]);
    close(ends[1]);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* A file that may not grow stands for a full disk: the line in the middle of which that happens is
 * cut. */
static void test_full_disk_spoils_one_line(void)
{
    struct capture c;
    uint64_t before = log_dropped();
    capture_start(&c, LOG_FORMAT_JSON, LOG_INFO);
    limit_files(30);
    log_line(SLICE("{\"first\":1234567}"));
    log_line(SLICE("{\"second\":1234567}"));
    while (log_dropped() == before) {
        sched_yield();
    }
    limit_files(RLIM_INFINITY);
    log_line(SLICE("{\"third\":3}"));
    capture_stop(&c);
    EXPECT_INT(log_dropped() - before, 1);
    EXPECT(strncmp(c.text, "{\"first\":1234567}\n{\"second\":12\n{", 32) == 0);
    EXPECT(contains(&c, "\n{\"third\":3}\n"));
    EXPECT(contains(&c, "\"event\":\"log_dropped\",\"msg\":\"1 lines were lost\""));
    EXPECT_INT(count_lines(&c), 4);
    capture_release(&c);
}

static void test_reader_that_left(void)
{
    int ends[2];
    uint64_t before = log_dropped();
    EXPECT(pipe(ends) == 0);
    close(ends[0]);
    log_start(ends[1], LOG_FORMAT_JSON, LOG_INFO);
    log_event(LOG_INFO, "lost", "x");
    log_stop();
    EXPECT(log_dropped() - before >= 1);
    close(ends[1]);
}

/* Before the start and after the stop a line is on stderr when the call returns. */
static void test_direct_lines(void)
{
    char text[1000] = "";
    int ends[2];
    int kept = dup(STDERR_FILENO);
    EXPECT(pipe(ends) == 0);
    dup2(ends[1], STDERR_FILENO);
    log_event(LOG_ERROR, "early", "not started");
    log_line(SLICE("{\"direct\":1}"));
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    EXPECT(len > 0);
    EXPECT(strstr(text, "early") != NULL && strstr(text, "not started") != NULL);
    EXPECT(strstr(text, "{\"direct\":1}\n") != NULL);
    close(ends[0]);
    close(ends[1]);
    log_stop(); /* of a log that is not running */
}

int main(void)
{
    TEST(test_direct_lines, "lines go straight to stderr while no writer runs");
    TEST(test_json_lines, "events and ready lines become JSON lines");
    TEST(test_escapes_in_json, "control characters and invalid bytes never reach the log raw");
    TEST(test_text_for_a_terminal, "text for a terminal carries no escape sequences");
    TEST(test_level, "events below the level are left out");
    TEST(test_long_message_is_cut, "a long message is cut, its line stays whole");
    TEST(test_huge_ready_line_is_dropped, "a huge ready line is dropped, counted and reported");
    TEST(test_many_threads, "lines of many threads stay whole and in order");
    TEST(test_reader_that_does_not_read, "a reader that does not read costs lines, not time");
    TEST(test_full_disk_spoils_one_line, "a full disk spoils the line it cuts and no other");
    TEST(test_reader_that_left, "a closed pipe loses lines and nothing else");
    TEST(test_direct_lines, "lines go straight to stderr again after the stop");
    return tap_done();
}
