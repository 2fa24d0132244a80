/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's directory: its lock, and what a former process left in it. The lock is flock(2) on
 * a file that holds the owner's pid: the kernel drops it with the process, however that ends.
 */
#include "store/journal_internal.h"

#include "base/log.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define NUMBERS_MAX 65536

static bool refuse_second(struct journal *journal, const char *path, struct error *error)
{
    char pid[24] = "";
    ssize_t got = pread(journal->lock_file, pid, sizeof(pid) - 1, 0);
    pid[got > 0 ? got : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return error_set(error, ERROR_ENVIRONMENT, "journal_locked",
                     "another process (pid %s) is using the journal %s; a second server needs a "
                     "ledger.path of its own",
                     pid[0] == '\0' ? "unknown" : pid, path);
}

static bool take_lock(struct journal *journal, const char *path, struct error *error)
{
    journal->lock_file =
        openat(journal->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->lock_file < 0) {
        return error_set(error, ERROR_ENVIRONMENT, "journal_open", "cannot open %s/%s: %s", path,
                         LOCK_NAME, strerror(errno));
    }
    if (flock(journal->lock_file, LOCK_EX | LOCK_NB) != 0) {
        return refuse_second(journal, path, error);
    }
    char pid[24];
    int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(journal->lock_file, 0) != 0 ||
        pwrite(journal->lock_file, pid, (size_t)len, 0) != len) {
        return error_set(error, ERROR_ENVIRONMENT, "journal_open", "cannot write %s/%s: %s", path,
                         LOCK_NAME, strerror(errno));
    }
    return true;
}

/*
 * A directory is as durable as its name in the one above, which syncing what is in it does not
 * promise. At each start: the one that made it may have been killed before it came here.
 */
static void sync_name(const char *path)
{
    char *above = strdup(path);
    size_t len = above == NULL ? 0 : strlen(above);
    while (len > 0 && above[len - 1] == '/') {
        len--;
    }
    while (len > 0 && above[len - 1] != '/') {
        len--;
    }
    if (above != NULL) {
        above[len] = '\0';
    }
    int fd = above == NULL ? -1 : open(len == 0 ? "." : above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        log_event(LOG_WARN, "journal_sync", "cannot sync the directory above the journal %s: %s",
                  path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    free(above);
}

bool journal_directory_open(struct journal *journal, const char *path, struct error *error)
{
    journal->path = strdup(path);
    if (journal->path == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_set(error, ERROR_ENVIRONMENT, "journal_open",
                         "cannot create the journal directory %s: %s", path, strerror(errno));
    }
    journal->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory < 0) {
        return error_set(error, ERROR_ENVIRONMENT, "journal_open",
                         "cannot open the journal directory %s: %s", path, strerror(errno));
    }
    sync_name(path);
    return take_lock(journal, path, error);
}

void journal_directory_close(struct journal *journal)
{
    if (journal->lock_file >= 0) {
        close(journal->lock_file);
    }
    if (journal->directory >= 0) {
        close(journal->directory);
    }
    free(journal->path);
}

static int compare_numbers(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* Collects the numbers of the segment files, sorted, into an array of NUMBERS_MAX. */
static bool list_segments(struct journal *journal, uint64_t *numbers, size_t *ret_count,
                          struct error *error)
{
    int copy = openat(journal->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    size_t count = 0;
    if (directory == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return error_set(error, ERROR_ENVIRONMENT, "journal_open",
                         "cannot list the journal directory %s: %s", journal->path,
                         strerror(errno));
    }
    const struct dirent *entry;
    while (count < NUMBERS_MAX && (entry = readdir(directory)) != NULL) {
        count += segment_name_parse(entry->d_name, &numbers[count]) ? 1 : 0;
    }
    closedir(directory);
    qsort(numbers, count, sizeof(numbers[0]), compare_numbers);
    *ret_count = count;
    return true;
}

static void remove_segment(struct journal *journal, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    unlinkat(journal->directory, segment_name(number, name), 0);
}

/* Money may be in it: it is set aside, never deleted. */
static void set_aside(struct journal *journal, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    char aside[SEGMENT_NAME_SIZE + 16];
    snprintf(aside, sizeof(aside), "%s.damaged", segment_name(number, name));
    renameat(journal->directory, name, journal->directory, aside);
    log_event(LOG_ERROR, "journal_damaged",
              "the journal segment %s/%s has a header that cannot be read: set aside as %s",
              journal->path, name, aside);
}

static void add_segment(struct journal *journal, struct segment *segment)
{
    if (journal->active == NULL) {
        journal->oldest = segment;
    } else {
        journal->active->next = segment;
    }
    journal->active = segment;
    journal->segments++;
}

/* True: no record behind the reader's position is in it. `end`: the sequence behind its last. */
static bool segment_is_read(const struct segment *segment, uint64_t end,
                            struct journal_position resume)
{
    if (segment->number != resume.segment) {
        return segment->number < resume.segment;
    }
    return end <= resume.record || atomic_load(&segment->used) <= resume.offset;
}

static void load_valid(struct journal *journal, struct segment *segment,
                       struct journal_position resume)
{
    uint64_t end = segment_scan(segment);
    if (segment_is_read(segment, end, resume) || end == segment->first_record) {
        remove_segment(journal, segment->number);
        segment_free(segment);
        return;
    }
    bool first = journal->oldest == NULL;
    add_segment(journal, segment);
    if (first && segment->number != resume.segment) {
        journal->consumed.record = segment->first_record;
    }
    if (end > journal->end_record) {
        journal->end_record = end;
    }
}

/* A power loss may leave the name of a file that was just made, and nothing in it. */
static bool is_blank(struct journal *journal, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    struct stat info;
    return fstatat(journal->directory, segment_name(number, name), &info, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           S_ISREG(info.st_mode) && info.st_size == 0;
}

static bool load_segment(struct journal *journal, uint64_t number, struct journal_position resume,
                         struct error *error)
{
    if (is_blank(journal, number)) {
        remove_segment(journal, number);
        return true;
    }
    struct segment *segment = segment_map(journal->directory, number, error);
    if (segment == NULL) {
        if (error != NULL && error->kind == ERROR_INVALID) {
            set_aside(journal, number);
            return true;
        }
        return false;
    }
    switch (segment_check(segment)) {
    case SEGMENT_VALID:
        load_valid(journal, segment, resume);
        return true;
    case SEGMENT_UNUSED:
        remove_segment(journal, number);
        break;
    case SEGMENT_DAMAGED:
        set_aside(journal, number);
        break;
    case SEGMENT_FROM_FUTURE:
        segment_free(segment);
        return error_set(error, ERROR_UNSUPPORTED, "journal_version",
                         "the journal %s was written by a newer version of this program",
                         journal->path);
    }
    segment_free(segment);
    return true;
}

bool journal_directory_load(struct journal *journal, struct journal_position resume,
                            uint64_t *ret_last, struct error *error)
{
    struct error ignored;
    uint64_t *numbers = memory_array(NUMBERS_MAX, sizeof(*numbers));
    size_t count = 0;
    bool done = numbers != NULL;
    if (!done) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    done = done && list_segments(journal, numbers, &count, error);
    *ret_last = resume.segment;
    for (size_t i = 0; done && i < count; i++) {
        done = load_segment(journal, numbers[i], resume, error == NULL ? &ignored : error);
        *ret_last = numbers[i] > *ret_last ? numbers[i] : *ret_last;
    }
    memory_free(numbers);
    return done;
}
