/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */
/*
 * Callers format a line on their own stack and copy it into a ring of bytes under one short lock;
 * one thread writes the ring out. A line goes in whole or is counted as lost: a reader that does
 * not read costs lines, never time or memory.
 *
 * The writer is woken by the first line after a pause and then gathers for a few milliseconds, so
 * that a busy gateway pays for a wake-up per batch and not per line. It writes straight from the
 * ring without the lock: the bytes between `tail` and `head` belong to it until it moves `tail`.
 *
 * What this does not do: rotate files, or keep what is queued when the process is killed (the
 * ledger is for that).
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE ((size_t)1 << 20)
#define RING_MASK (RING_SIZE - 1)
#define MESSAGE_MAX 2048u
/* A byte of the message takes six at most ("\u001b"); the rest is the frame with the event's name.
 */
#define LINE_MAX_BYTES (MESSAGE_MAX * 6 + 512)
#define READY_LINE_MAX ((size_t)64 * 1024)
#define GATHER_NS (5 * NS_PER_MS)
/* What a pipe that polls as writable takes without blocking. */
#define PIPE_CHUNK ((size_t)4096)
#define POLL_MS 100
/* How long log_stop() waits for a reader that does not read, in polls. */
#define STOP_POLLS 10

struct log {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic clock */
    pthread_t writer;
    char *ring;        /* RING_SIZE bytes; NULL: not started */
    uint64_t head;     /* bytes ever put in; position in the ring is the value modulo its size */
    uint64_t tail;     /* bytes ever written out */
    uint64_t reported; /* lost lines that the log itself has told of; the writer's */
    int fd;
    int stop_polls; /* waits for a reader since log_stop(); the writer's */
    bool is_file;   /* poll() says nothing about a file: it is written in any size */
    bool torn;      /* the last write ended inside a line */
    bool idle;      /* the writer waits for a first line */
    bool stopping;  /* log_stop() was called */
};

/* The one log of the process, as the header says. */
static struct log the_log = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO};
static atomic_int log_threshold = LOG_INFO;
static atomic_int log_shape = LOG_FORMAT_TEXT;
static atomic_uint_fast64_t log_lost;

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&log_lost, memory_order_relaxed);
}

/* --- making a line ---------------------------------------------------------------------------- */

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
};

static void line_put(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof(line->bytes) - line->len;
    size_t taken = len < room ? len : room;
    memcpy(line->bytes + line->len, bytes, taken);
    line->len += taken;
}

static void line_put_text(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

/* U+0080 to U+009F are controls too: a terminal may obey them. */
static bool is_c1_control(const char *character, size_t len)
{
    return len == 2 && (unsigned char)character[0] == 0xC2 && (unsigned char)character[1] < 0xA0;
}

static void line_put_escape(struct line *line, unsigned code, bool json)
{
    char escape[8];
    int len = snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", code);
    line_put(line, escape, (size_t)len);
}

/* One character of a message, given by its bytes (0 bytes: invalid UTF-8). */
static void line_put_character(struct line *line, const char *character, size_t len, bool json)
{
    unsigned char first = (unsigned char)character[0];
    if (len == 0) {
        line_put_text(line, "\xEF\xBF\xBD");
    } else if (first < 0x20 || first == 0x7F) {
        line_put_escape(line, first, json);
    } else if (is_c1_control(character, len)) {
        line_put_escape(line, (unsigned char)character[1], json);
    } else {
        if (json && (first == '"' || first == '\\')) {
            line_put(line, "\\", 1);
        }
        line_put(line, character, len);
    }
}

static void line_put_escaped(struct line *line, struct slice text, bool json)
{
    while (text.len > 0) {
        size_t len = slice_utf8_length(text);
        line_put_character(line, text.ptr, len, json);
        text = slice_from(text, len == 0 ? 1 : len);
    }
}

struct level_names {
    const char *json;
    const char *text;
};

static const struct level_names names_of_levels[] = {
    [LOG_DEBUG] = {.json = "debug", .text = "DEBUG "},
    [LOG_INFO] = {.json = "info", .text = "INFO  "},
    [LOG_WARN] = {.json = "warn", .text = "WARN  "},
    [LOG_ERROR] = {.json = "error", .text = "ERROR "},
};

static void line_make_json(struct line *line, enum log_level level, const char *event,
                           struct slice message)
{
    char now[CLOCK_TEXT_SIZE];
    line->len = 0;
    line_put_text(line, "{\"ts\":\"");
    line_put_text(line, clock_format(clock_wall(&clock_system), now));
    line_put_text(line, "\",\"level\":\"");
    line_put_text(line, names_of_levels[level].json);
    line_put_text(line, "\",\"event\":\"");
    line_put_text(line, event);
    line_put_text(line, "\",\"msg\":\"");
    line_put_escaped(line, message, true);
    line_put_text(line, "\"}\n");
}

static void line_make_text(struct line *line, enum log_level level, const char *event,
                           struct slice message)
{
    char now[CLOCK_TEXT_SIZE];
    line->len = 0;
    line_put_text(line, clock_format(clock_wall(&clock_system), now));
    line_put_text(line, " ");
    line_put_text(line, names_of_levels[level].text);
    line_put_text(line, event);
    line_put_text(line, ": ");
    line_put_escaped(line, message, false);
    line_put_text(line, "\n");
}

static void line_make(struct line *line, enum log_level level, const char *event,
                      struct slice message)
{
    if (atomic_load_explicit(&log_shape, memory_order_relaxed) == LOG_FORMAT_JSON) {
        line_make_json(line, level, event, message);
    } else {
        line_make_text(line, level, event, message);
    }
}

/* --- handing it over -------------------------------------------------------------------------- */

static void write_directly(struct slice line)
{
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
        if (written < 0 && errno != EINTR) {
            return;
        }
        line = slice_from(line, written < 0 ? 0 : (size_t)written);
    }
}

static void ring_put(struct log *log, struct slice bytes)
{
    size_t at = (size_t)(log->head & RING_MASK);
    size_t first = bytes.len < RING_SIZE - at ? bytes.len : RING_SIZE - at;
    memcpy(log->ring + at, bytes.ptr, first);
    memcpy(log->ring, bytes.ptr + first, bytes.len - first);
    log->head += bytes.len;
}

static void hand_over(struct slice line)
{
    struct log *log = &the_log;
    pthread_mutex_lock(&log->lock);
    bool started = log->ring != NULL && !log->stopping;
    bool wake = false;
    if (started && line.len > RING_SIZE - (size_t)(log->head - log->tail)) {
        atomic_fetch_add_explicit(&log_lost, 1, memory_order_relaxed);
    } else if (started) {
        ring_put(log, line);
        wake = log->idle || log->head - log->tail > RING_SIZE / 2;
        log->idle = false;
    }
    if (wake) {
        pthread_cond_signal(&log->wake);
    }
    pthread_mutex_unlock(&log->lock);
    if (!started) {
        write_directly(line);
    }
}

bool log_is_json(void)
{
    return atomic_load_explicit(&log_shape, memory_order_relaxed) == LOG_FORMAT_JSON;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (len < 0) {
        len = 0;
    }
    size_t kept = (size_t)len < sizeof(message) ? (size_t)len : sizeof(message) - 1;
    struct line line;
    line_make(&line, level, event, slice_of(message, kept));
    hand_over(slice_of(line.bytes, line.len));
}

void log_line(struct slice json)
{
    if (json.len > READY_LINE_MAX) {
        atomic_fetch_add_explicit(&log_lost, 1, memory_order_relaxed);
        return;
    }
    char *line = memory_alloc(json.len + 1);
    if (line == NULL) {
        atomic_fetch_add_explicit(&log_lost, 1, memory_order_relaxed);
        return;
    }
    /* A raw control character in valid JSON is white space between tokens; here it would break the
     * line. */
    for (size_t i = 0; i < json.len; i++) {
        line[i] = (unsigned char)json.ptr[i] < 0x20 ? ' ' : json.ptr[i];
    }
    line[json.len] = '\n';
    hand_over(slice_of(line, json.len + 1));
    memory_free(line);
}

/* --- the writer ------------------------------------------------------------------------------- */

static bool is_stopping(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    bool stopping = log->stopping;
    pthread_mutex_unlock(&log->lock);
    return stopping;
}

/* Waits until the descriptor takes bytes; false when the log stops and nobody reads. */
static bool wait_writable(struct log *log)
{
    struct pollfd target = {.fd = log->fd, .events = POLLOUT};
    while (log->stop_polls < STOP_POLLS) {
        if (poll(&target, 1, POLL_MS) != 0) {
            return true; /* writable, or broken: write() will tell which */
        }
        log->stop_polls += is_stopping(log);
    }
    return false;
}

static bool may_try_again(int reason)
{
    return reason == EINTR || reason == EAGAIN || reason == EWOULDBLOCK;
}

static uint64_t count_lines(struct slice bytes)
{
    uint64_t lines = 0;
    while (slice_find(bytes, '\n') != SIZE_MAX) {
        slice_cut(&bytes, '\n');
        lines++;
    }
    return lines;
}

/* Writes what it can; returns what is left when the descriptor is broken or nobody reads. */
static struct slice write_some(struct log *log, struct slice bytes)
{
    while (bytes.len > 0) {
        bool ready = log->is_file || wait_writable(log);
        size_t chunk = log->is_file || bytes.len < PIPE_CHUNK ? bytes.len : PIPE_CHUNK;
        ssize_t written = ready ? write(log->fd, bytes.ptr, chunk) : -1;
        if (written >= 0) {
            bytes = slice_from(bytes, (size_t)written);
        } else if (!ready || !may_try_again(errno)) {
            break;
        }
    }
    return bytes;
}

/* Writes all of it or returns how many lines could not be written. A line that was cut off, by a
   full disk for one, is ended before the next, so that only the cut one is spoilt. */
static uint64_t write_out(struct log *log, struct slice bytes)
{
    if (log->torn && write_some(log, SLICE("\n")).len == 0) {
        log->torn = false;
    }
    struct slice left = log->torn ? bytes : write_some(log, bytes);
    if (left.len > 0) {
        size_t written = bytes.len - left.len;
        log->torn = log->torn || (written > 0 && bytes.ptr[written - 1] != '\n');
    }
    return count_lines(left);
}

/* Says in the log itself how many lines it lost. */
static void report_lost(struct log *log)
{
    uint64_t lost = log_dropped();
    if (lost == log->reported) {
        return;
    }
    char message[64];
    int len = snprintf(message, sizeof(message), "%llu lines were lost",
                       (unsigned long long)(lost - log->reported));
    struct line line;
    line_make(&line, LOG_WARN, "log_dropped", slice_of(message, (size_t)len));
    if (write_out(log, slice_of(line.bytes, line.len)) == 0) {
        log->reported = lost;
    }
}

/* Under the lock: waits for a first line, then a little longer for more. */
static void wait_for_lines(struct log *log)
{
    while (log->head == log->tail && !log->stopping) {
        log->idle = true;
        pthread_cond_wait(&log->wake, &log->lock);
    }
    log->idle = false;
    if (!log->stopping && log->head - log->tail <= RING_SIZE / 2) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + GATHER_NS;
        until.tv_sec += ns / NS_PER_S;
        until.tv_nsec = ns % NS_PER_S;
        pthread_cond_timedwait(&log->wake, &log->lock, &until);
    }
}

/* Under the lock on entry and exit, without it while writing. */
static void write_queued(struct log *log)
{
    while (log->head != log->tail) {
        size_t at = (size_t)(log->tail & RING_MASK);
        size_t queued = (size_t)(log->head - log->tail);
        size_t len = queued < RING_SIZE - at ? queued : RING_SIZE - at;
        pthread_mutex_unlock(&log->lock);
        uint64_t lost = write_out(log, slice_of(log->ring + at, len));
        atomic_fetch_add_explicit(&log_lost, lost, memory_order_relaxed);
        pthread_mutex_lock(&log->lock);
        log->tail += len;
    }
}

static void *writer_main(void *context)
{
    struct log *log = context;
    pthread_setname_np(pthread_self(), "sluice-log");
    pthread_mutex_lock(&log->lock);
    while (!log->stopping || log->head != log->tail) {
        wait_for_lines(log);
        write_queued(log);
        pthread_mutex_unlock(&log->lock);
        report_lost(log);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    report_lost(log);
    return NULL;
}

/* The writer takes no signals: the loops handle them, and a closed pipe is an error code here. */
static bool start_writer(struct log *log)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&log->writer, NULL, writer_main, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0;
}

static void init_wake(struct log *log)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&log->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void log_start(int fd, enum log_format format, enum log_level level)
{
    struct log *log = &the_log;
    struct stat status;
    CHECK(log->ring == NULL);
    atomic_store(&log_threshold, (int)level);
    atomic_store(&log_shape, (int)format);
    char *ring = memory_alloc(RING_SIZE);
    if (ring == NULL) {
        return; /* lines go on to stderr */
    }
    init_wake(log);
    pthread_mutex_lock(&log->lock);
    log->ring = ring;
    log->head = 0;
    log->tail = 0;
    log->reported = log_dropped();
    log->fd = fd;
    log->is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    log->stop_polls = 0;
    log->torn = false;
    log->idle = false;
    log->stopping = false;
    if (!start_writer(log)) {
        memory_free(log->ring);
        log->ring = NULL;
    }
    pthread_mutex_unlock(&log->lock);
}

void log_stop(void)
{
    struct log *log = &the_log;
    pthread_mutex_lock(&log->lock);
    bool started = log->ring != NULL && !log->stopping;
    if (started) {
        log->stopping = true;
        pthread_cond_signal(&log->wake);
    }
    pthread_mutex_unlock(&log->lock);
    if (!started) {
        return;
    }
    pthread_join(log->writer, NULL);
    pthread_mutex_lock(&log->lock);
    memory_free(log->ring);
    log->ring = NULL;
    log->stopping = false;
    pthread_mutex_unlock(&log->lock);
    pthread_cond_destroy(&log->wake);
}
