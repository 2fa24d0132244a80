/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/power_disk.h"

#include "base/check.h"
#include "base/slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define PAGE 4096
#define PATH_SIZE 200
#define NODES_MAX 256
#define NAMES_MAX 256
#define CHANGES_MAX 512

/* A file or a directory. Its own descriptor reads what it holds now, and keeps its inode from
 * being used again. */
struct node {
    int fd;
    uint64_t inode;
    bool directory;
    char *bytes; /* for certain */
    size_t size; /* of these */
    size_t room;
};

struct name {
    char path[PATH_SIZE];
    struct node *node;
};

enum change_kind { CHANGE_LINK, CHANGE_UNLINK, CHANGE_RENAME };

/* Of the names, not yet certain; in order. */
struct change {
    enum change_kind kind;
    char path[PATH_SIZE];
    char to[PATH_SIZE];
    struct node *node;
};

static struct {
    pthread_mutex_t lock;
    struct power_options options;
    struct random random;
    bool on;
    bool lost;
    uint64_t events;
    struct node nodes[NODES_MAX];
    size_t node_count;
    struct name names[NAMES_MAX]; /* for certain */
    size_t name_count;
    struct change changes[CHANGES_MAX];
    size_t change_count;
    struct power_synced synced;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- names --- */

static bool is_below_root(const char *path)
{
    size_t len = strlen(disk.options.root);
    return strncmp(path, disk.options.root, len) == 0 && path[len] == '/';
}

static void copy_path(char buffer[PATH_SIZE], const char *path)
{
    CHECK(strlen(path) < PATH_SIZE);
    memcpy(buffer, path, strlen(path) + 1);
}

static bool is_in(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/' &&
           strchr(path + len + 1, '/') == NULL;
}

static struct name *find_name(const char *path)
{
    for (size_t i = 0; i < disk.name_count; i++) {
        if (strcmp(disk.names[i].path, path) == 0) {
            return &disk.names[i];
        }
    }
    return NULL;
}

static void set_name(const char *path, struct node *node)
{
    struct name *name = find_name(path);
    if (name == NULL) {
        CHECK(disk.name_count < NAMES_MAX);
        name = &disk.names[disk.name_count++];
        copy_path(name->path, path);
    }
    name->node = node;
}

static void remove_name(const char *path)
{
    struct name *name = find_name(path);
    if (name != NULL) {
        *name = disk.names[--disk.name_count];
    }
}

static void apply_change(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_LINK:
        set_name(change->path, change->node);
        break;
    case CHANGE_UNLINK:
        remove_name(change->path);
        break;
    case CHANGE_RENAME: {
        const struct name *name = find_name(change->path);
        struct node *node = name == NULL ? change->node : name->node;
        remove_name(change->path);
        set_name(change->to, node);
        break;
    }
    }
}

/* The first `count` changes of a directory become certain. */
static void apply_changes(const char *directory, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk.change_count; i++) {
        if (count > 0 && is_in(disk.changes[i].path, directory)) {
            apply_change(&disk.changes[i]);
            count--;
        } else {
            disk.changes[kept++] = disk.changes[i];
        }
    }
    disk.change_count = kept;
}

static void add_change(enum change_kind kind, const char *path, const char *to, struct node *node)
{
    CHECK(disk.change_count < CHANGES_MAX);
    struct change *change = &disk.changes[disk.change_count++];
    change->kind = kind;
    change->node = node;
    copy_path(change->path, path);
    copy_path(change->to, to);
}

/* --- files --- */

static struct node *node_at(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < disk.node_count; i++) {
        if (disk.nodes[i].inode == (uint64_t)info.st_ino) {
            return &disk.nodes[i];
        }
    }
    CHECK(disk.node_count < NODES_MAX);
    struct node *node = &disk.nodes[disk.node_count++];
    *node = (struct node){
        .fd = open(path, O_RDONLY | O_CLOEXEC),
        .inode = (uint64_t)info.st_ino,
        .directory = S_ISDIR(info.st_mode),
    };
    CHECK(node->fd >= 0);
    return node;
}

static size_t size_now(const struct node *node)
{
    struct stat info;
    CHECK(fstat(node->fd, &info) == 0);
    return (size_t)info.st_size;
}

/* Makes the bytes that are certain so many; new ones are zero. */
static void resize(struct node *node, size_t size)
{
    if (size > node->room) {
        node->room = size * 2;
        node->bytes = realloc(node->bytes, node->room);
        CHECK(node->bytes != NULL);
    }
    if (size > node->size) {
        memset(node->bytes + node->size, 0, size - node->size);
    }
    node->size = size;
}

static void keep_part(struct node *node, size_t from, size_t to)
{
    while (from < to) {
        ssize_t got = pread(node->fd, node->bytes + from, to - from, (off_t)from);
        if (got <= 0) {
            return;
        }
        from += (size_t)got;
    }
}

static void keep_whole(struct node *node)
{
    size_t size = size_now(node);
    resize(node, size);
    keep_part(node, 0, size);
}

enum manner { NOTHING_NEW, ALL_NEW, BY_FILE, BY_PAGE, BY_SECTOR, MOSTLY_NEW, MANNERS };

static bool chance(unsigned percent)
{
    return random_below(&disk.random, 100) < percent;
}

static bool is_new(enum manner manner)
{
    switch (manner) {
    case NOTHING_NEW:
        return false;
    case MOSTLY_NEW:
        return chance(97);
    case BY_PAGE:
    case BY_SECTOR:
        return chance(50);
    default:
        return true;
    }
}

/* Some of what is in doubt becomes certain. */
static void settle_file(struct node *node, enum manner manner)
{
    size_t now = size_now(node);
    size_t step = manner == BY_PAGE ? PAGE : SECTOR;
    if (manner == NOTHING_NEW || (manner == BY_FILE && chance(50))) {
        return;
    }
    if (now != node->size && (manner == ALL_NEW || chance(60))) {
        size_t grown = now > node->size ? now - node->size : 0;
        bool partly = manner != ALL_NEW && chance(30);
        size_t lacking = partly ? random_below(&disk.random, grown / SECTOR + 1) * SECTOR : 0;
        resize(node, now - lacking);
    }
    for (size_t at = 0; at < node->size; at += step) {
        size_t end = at + step < node->size ? at + step : node->size;
        if (is_new(manner)) {
            keep_part(node, at, end);
        }
    }
}

/* A kernel that writes back by itself. */
static void write_back(void)
{
    struct node *node = &disk.nodes[random_below(&disk.random, disk.node_count)];
    if (!node->directory) {
        settle_file(node, chance(50) ? BY_PAGE : BY_SECTOR);
    } else if (disk.change_count > 0 && disk.options.lie != LIE_NAMES && chance(10)) {
        char directory[PATH_SIZE];
        copy_path(directory, disk.changes[0].path);
        *strrchr(directory, '/') = '\0';
        apply_changes(directory, 1 + random_below(&disk.random, 2));
    }
}

/* --- a loss --- */

/* With calls that are not wrapped: the lock is held. */
static void write_out(const char *path, const struct node *node)
{
    char after[2 * PATH_SIZE];
    snprintf(after, sizeof(after), "%s%s", disk.options.after, path + strlen(disk.options.root));
    if (node->directory) {
        CHECK(mkdirat(AT_FDCWD, after, 0700) == 0);
        return;
    }
    FILE *file = fopen(after, "wbxe");
    if (file == NULL) { /* its directory is not there */
        CHECK(errno == ENOENT);
        return;
    }
    CHECK(fchmod(fileno(file), 0600) == 0);
    CHECK(node->size == 0 || fwrite(node->bytes, node->size, 1, file) == 1);
    CHECK(fclose(file) == 0);
}

/* Lock held. */
static void lose(void)
{
    disk.options.on_loss(disk.options.user);
    disk.lost = true;
    while (disk.change_count > 0 && chance(70)) {
        char directory[PATH_SIZE];
        copy_path(directory, disk.changes[random_below(&disk.random, disk.change_count)].path);
        *strrchr(directory, '/') = '\0';
        if (disk.options.lie == LIE_NAMES) {
            break;
        }
        apply_changes(directory, 1 + random_below(&disk.random, 4));
    }
    enum manner manner = (enum manner)random_below(&disk.random, MANNERS);
    for (size_t i = 0; i < disk.node_count; i++) {
        if (!disk.nodes[i].directory) {
            settle_file(&disk.nodes[i], manner);
        }
    }
    CHECK(mkdirat(AT_FDCWD, disk.options.after, 0700) == 0);
    for (size_t i = 0; i < disk.name_count; i++) { /* directories first */
        if (disk.names[i].node->directory) {
            write_out(disk.names[i].path, disk.names[i].node);
        }
    }
    for (size_t i = 0; i < disk.name_count; i++) {
        if (!disk.names[i].node->directory) {
            write_out(disk.names[i].path, disk.names[i].node);
        }
    }
}

/* Lock held. */
static void happen(void)
{
    disk.events++;
    if (disk.events == disk.options.lose_at) {
        lose();
    } else if (disk.node_count > 0 && chance(15)) {
        write_back();
    }
}

/* Takes the lock; false (and no lock) when nothing is to be done any more. */
static bool enter(void)
{
    pthread_mutex_lock(&disk.lock);
    if (disk.on && !disk.lost) {
        happen();
    }
    if (!disk.on || disk.lost) {
        pthread_mutex_unlock(&disk.lock);
        return false;
    }
    return true;
}

static void leave(void)
{
    pthread_mutex_unlock(&disk.lock);
}

/* --- for the shims --- */

void power_created(const char *path)
{
    if (!enter()) {
        return;
    }
    if (is_below_root(path)) {
        add_change(CHANGE_LINK, path, "", node_at(path));
    }
    leave();
}

void power_made_directory(const char *path)
{
    power_created(path);
}

void power_unlinked(const char *path)
{
    if (!enter()) {
        return;
    }
    if (is_below_root(path)) {
        add_change(CHANGE_UNLINK, path, "", NULL);
    }
    leave();
}

void power_renamed(const char *from, const char *to)
{
    if (!enter()) {
        return;
    }
    if (is_below_root(to)) {
        add_change(CHANGE_RENAME, from, to, node_at(to));
    }
    leave();
}

void power_synced_names(const char *directory)
{
    if (!enter()) {
        return;
    }
    if (disk.options.lie != LIE_NAMES) {
        apply_changes(directory, SIZE_MAX);
    }
    leave();
}

void power_synced_file(const char *path)
{
    if (!enter()) {
        return;
    }
    struct node *node = is_below_root(path) ? node_at(path) : NULL;
    if (node != NULL && disk.options.lie != LIE_SQLITE) {
        keep_whole(node);
    }
    leave();
}

/* The segment's number: "/proc/self/fd/N" tells the present name. */
static uint64_t segment_of(const struct node *node)
{
    char link[64];
    char path[PATH_SIZE];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", node->fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *name = strrchr(path, '/');
    return name == NULL ? 0 : strtoull(name + 1, NULL, 16);
}

void power_synced_part(uint64_t inode, uint64_t from, uint64_t to)
{
    if (!enter()) {
        return;
    }
    for (size_t i = 0; i < disk.node_count; i++) {
        struct node *node = &disk.nodes[i];
        if (node->inode != inode) {
            continue;
        }
        if (disk.options.lie != LIE_MSYNC) {
            size_t size = size_now(node);
            resize(node, size);
            keep_part(node, from, to < size ? to : size);
        }
        disk.synced = (struct power_synced){.segment = segment_of(node), .offset = to};
    }
    leave();
}

/* --- the test's side --- */

/* Without recursion: a root has files and directories with files. */
static void learn(const char *directory, bool deeper)
{
    DIR *list = opendir(directory);
    const struct dirent *entry;
    while (list != NULL && (entry = readdir(list)) != NULL) {
        char path[PATH_SIZE + 300];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        struct node *node = node_at(path);
        CHECK(node != NULL);
        set_name(path, node);
        if (!node->directory) {
            keep_whole(node);
        } else if (deeper) {
            learn(path, false);
        }
    }
    if (list != NULL) {
        closedir(list);
    }
}

void power_begin(const struct power_options *options)
{
    pthread_mutex_lock(&disk.lock);
    disk.options = *options;
    disk.on = true;
    disk.lost = false;
    disk.events = 0;
    disk.synced = (struct power_synced){0};
    random_seed(&disk.random, options->seed);
    learn(options->root, true);
    pthread_mutex_unlock(&disk.lock);
}

void power_event(void)
{
    if (enter()) {
        leave();
    }
}

void power_lose(void)
{
    pthread_mutex_lock(&disk.lock);
    if (!disk.lost) {
        lose();
    }
    pthread_mutex_unlock(&disk.lock);
}

bool power_is_lost(void)
{
    pthread_mutex_lock(&disk.lock);
    bool lost = disk.lost;
    pthread_mutex_unlock(&disk.lock);
    return lost;
}

uint64_t power_events(void)
{
    pthread_mutex_lock(&disk.lock);
    uint64_t events = disk.events;
    pthread_mutex_unlock(&disk.lock);
    return events;
}

struct power_synced power_synced_read(void)
{
    return disk.synced;
}

void power_end(void)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < disk.node_count; i++) {
        close(disk.nodes[i].fd);
        free(disk.nodes[i].bytes);
    }
    disk.node_count = 0;
    disk.name_count = 0;
    disk.change_count = 0;
    disk.on = false;
    pthread_mutex_unlock(&disk.lock);
}
