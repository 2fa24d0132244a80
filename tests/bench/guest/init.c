/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first program of the guest in which instructions are counted (count.c): it brings the machine
 * up, executes a loop of known length, then runs the cases of /plan, one after the other, and
 * switches the machine off. A case is a fresh upstream, a fresh server under test and a closed loop
 * of keep-alive connections that stay open for the whole case, with /data/NAME on a disk; between
 * the two marks nothing else happens than COUNT requests and their answers. Everything runs on the
 * one processor.
 *
 * A line of /plan:
 *
 *     NAME PORT CONNECTIONS WARM COUNT BODY UPSTREAM OPTION... -- SERVER ARGUMENT...
 *
 * WARM requests are answered before the first mark, COUNT before the second. What is written to
 * the console is read by tests/bench/guest.py: "LOOP ...", "THREAD CASE NAME",
 * "CASE NAME ANSWERS", at the end "DONE" or "FAIL WHY".
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UPSTREAM_PORT 9000
#define WORDS_MAX 64
#define CONNECTIONS_MAX 4096
#define ANSWER_MAX 65536
#define LOOP_TURNS 50000000 /* of two instructions each */
#define WAIT_TRIES 3000     /* of 10 ms */

#define MARK_BEGIN() __asm__ volatile(".byte 0x0f,0x1f,0x84,0x00,0x01,0xc0,0x55,0x51" ::: "memory")
#define MARK_END() __asm__ volatile(".byte 0x0f,0x1f,0x84,0x00,0x02,0xc0,0x55,0x51" ::: "memory")

struct client {
    int fd;
    size_t len;      /* of the answer so far */
    char tail[8];    /* its last bytes, for the end of chunks */
    long body_left;  /* -1: the head is not complete; -2: chunked */
    char head[4096]; /* the answer's head */
};

struct test_case {
    const char *name;
    uint16_t port;
    unsigned connections;
    unsigned warm;
    unsigned count;
    const char *body;
    char *upstream[WORDS_MAX];
    char *command[WORDS_MAX];
};

static const struct timespec retry_pause = {0, 10000000};
static char *request;
static size_t request_len;
static struct client *clients;

static void stop_machine(const char *problem)
{
    if (problem != NULL) {
        printf("FAIL %s (%s)\n", problem, strerror(errno));
    }
    fflush(stdout);
    sync();
    reboot(RB_AUTOBOOT); /* qemu -no-reboot ends here */
    _exit(1);
}

static void need(bool ok, const char *what)
{
    if (!ok) {
        stop_machine(what);
    }
}

/* --- the machine --- */

static void start_loopback(void)
{
    struct ifreq request_up = {.ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(request_up.ifr_name, "lo", 3);
    need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request_up) == 0, "loopback");
    close(fd);
}

static void mount_disk(void)
{
    for (int i = 0; i < WAIT_TRIES; i++) {
        if (mount("/dev/nvme0n1", "/data", "ext4", 0, NULL) == 0) {
            return;
        }
        nanosleep(&retry_pause, NULL);
    }
    stop_machine("mount /data");
}

static void start_machine(void)
{
    static const struct rlimit files = {65536, 65536};
    need(mount("proc", "/proc", "proc", 0, NULL) == 0, "mount /proc");
    need(mount("dev", "/dev", "devtmpfs", 0, NULL) == 0 || errno == EBUSY, "mount /dev");
    int console = open("/dev/console", O_RDWR | O_CLOEXEC);
    if (console >= 0) {
        dup2(console, 1);
        dup2(console, 2);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    need(setrlimit(RLIMIT_NOFILE, &files) == 0, "file limit");
    need(prctl(PR_SET_NAME, "count-init") == 0, "name");
    /* One that wakes does not push aside the one that runs: as on processors of their own, the
     * server finds many requests waiting, not one at a time. */
    need(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}) == 0, "scheduler");
    signal(SIGPIPE, SIG_IGN);
    start_loopback();
    mount_disk();
}

static int64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A loop whose instructions are known, to hold the counter and the clock against. */
static void calibrate(void)
{
    long turns = LOOP_TURNS;
    int64_t begin = thread_ns();
    MARK_BEGIN();
    __asm__ volatile("1: dec %0\n jnz 1b\n" : "+r"(turns)::"cc");
    MARK_END();
    printf("LOOP %d instructions %lld ns\n", 2 * LOOP_TURNS, (long long)(thread_ns() - begin));
}

/* --- programs --- */

static pid_t start(char **command)
{
    extern char **environ;
    pid_t pid;
    errno = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
    need(errno == 0, command[0]);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static int connect_to(uint16_t port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void wait_for(pid_t pid, uint16_t port)
{
    for (int i = 0; i < WAIT_TRIES; i++) {
        int fd = connect_to(port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        need(waitpid(pid, NULL, WNOHANG) == 0, "a program ended at its start");
        nanosleep(&retry_pause, NULL);
    }
    stop_machine("a program does not listen");
}

static void print_threads(const char *name, pid_t pid)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    need(directory != NULL, path);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char comm[32] = "";
        snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file != NULL) {
            if (fgets(comm, sizeof(comm), file) != NULL) {
                printf("THREAD %s %s", name, comm);
            }
            fclose(file);
        }
    }
    closedir(directory);
}

/* --- the load --- */

static void make_request(const struct test_case *test)
{
    FILE *file = fopen(test->body, "r");
    need(file != NULL, test->body);
    free(request);
    request = malloc(1 << 20);
    char *body = malloc(1 << 19);
    need(request != NULL && body != NULL, "memory");
    size_t len = fread(body, 1, 1 << 19, file);
    fclose(file);
    int head = snprintf(request, 1 << 19,
                        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                        "Content-Type: application/json\r\nAuthorization: Bearer sk-benchmark\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        test->port, len);
    memcpy(request + head, body, len);
    request_len = (size_t)head + len;
    free(body);
}

/* The request is smaller than a socket's buffer, and the one before was answered. */
static void send_request(struct client *client)
{
    client->len = 0;
    client->body_left = -1;
    memset(client->tail, 0, sizeof(client->tail));
    need(send(client->fd, request, request_len, 0) == (ssize_t)request_len, "send");
}

static void read_head(struct client *client)
{
    client->head[client->len] = '\0';
    char *end = strstr(client->head, "\r\n\r\n");
    if (end == NULL) {
        need(client->len < sizeof(client->head) - 1, "the head of an answer is too long");
        return;
    }
    need(strncmp(client->head, "HTTP/1.1 200", 12) == 0, client->head);
    char *length = strcasestr(client->head, "\r\ncontent-length:");
    client->body_left = length != NULL && length < end ? strtol(length + 17, NULL, 10) : -2;
    if (client->body_left >= 0) {
        client->body_left -= (long)client->len - (end + 4 - client->head);
    }
}

static void keep_tail(struct client *client, const char *bytes, size_t len)
{
    size_t take = len < sizeof(client->tail) ? len : sizeof(client->tail);
    memmove(client->tail, client->tail + take, sizeof(client->tail) - take);
    memcpy(client->tail + sizeof(client->tail) - take, bytes + len - take, take);
}

/* Takes bytes of an answer; true: it is complete. */
static bool take_bytes(struct client *client, const char *bytes, size_t len)
{
    keep_tail(client, bytes, len);
    if (client->body_left >= 0) {
        client->body_left -= (long)len;
    } else if (client->body_left == -1) {
        size_t room = sizeof(client->head) - 1 - client->len;
        size_t take = len < room ? len : room;
        memcpy(client->head + client->len, bytes, take);
        client->len += take;
        read_head(client);
        if (client->body_left >= 0) {
            client->body_left -= (long)(len - take);
        }
    }
    return client->body_left == 0 ||
           (client->body_left == -2 && memcmp(client->tail + 1, "\r\n0\r\n\r\n", 7) == 0);
}

/* Answers `requests` or a few more; returns how many. */
static unsigned run_load(int epoll, unsigned requests)
{
    static char bytes[ANSWER_MAX];
    static struct epoll_event events[256];
    unsigned done = 0;
    while (done < requests) {
        int count = epoll_wait(epoll, events, 256, 20000);
        need(count > 0, "no answer for 20 seconds");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            ssize_t len = recv(client->fd, bytes, sizeof(bytes), 0);
            need(len > 0, "an answer was cut");
            if (take_bytes(client, bytes, (size_t)len)) {
                done++;
                send_request(client);
            }
        }
    }
    return done;
}

static int open_clients(const struct test_case *test)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc(test->connections, sizeof(*clients));
    need(epoll >= 0 && clients != NULL, "clients");
    for (unsigned i = 0; i < test->connections; i++) {
        struct client *client = &clients[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        client->fd = connect_to(test->port);
        need(client->fd >= 0, "connect");
        epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
        send_request(client);
    }
    return epoll;
}

/* What is done later, by other threads, is done for as many requests as were answered between the
 * marks: at both, only the requests that were sent just now wait, with their answers. */
static void let_rest(void)
{
    static const struct timespec rest = {.tv_sec = 2};
    nanosleep(&rest, NULL);
}

static void run_case(struct test_case *test)
{
    char path[300];
    make_request(test);
    snprintf(path, sizeof(path), "/data/%s", test->name);
    need(mkdir(path, 0755) == 0, path);
    pid_t upstream = start(test->upstream);
    wait_for(upstream, UPSTREAM_PORT);
    pid_t server = start(test->command);
    wait_for(server, test->port);
    int epoll = open_clients(test);
    run_load(epoll, test->warm);
    let_rest();
    MARK_BEGIN();
    unsigned answered = run_load(epoll, test->count);
    let_rest();
    MARK_END();
    print_threads(test->name, server);
    for (unsigned i = 0; i < test->connections; i++) {
        close(clients[i].fd);
    }
    free(clients);
    close(epoll);
    stop(server);
    stop(upstream);
    printf("CASE %s %u\n", test->name, answered);
}

/* --- the plan --- */

static unsigned number(const char *word, unsigned most)
{
    unsigned long value = word == NULL ? 0 : strtoul(word, NULL, 10);
    need(value > 0 && value <= most, "the plan has a number that cannot be");
    return (unsigned)value;
}

static bool read_case(char *line, struct test_case *test)
{
    char *rest = NULL;
    char *words[WORDS_MAX] = {NULL};
    size_t count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS_MAX - 1;
         word = strtok_r(NULL, " \n", &rest)) {
        words[count++] = word;
    }
    if (count < 8) {
        return false;
    }
    *test = (struct test_case){.name = words[0], .body = words[5]};
    test->port = (uint16_t)number(words[1], 65535);
    test->connections = number(words[2], CONNECTIONS_MAX);
    test->warm = number(words[3], 1000000);
    test->count = number(words[4], 1000000);
    char **to = test->upstream;
    for (size_t i = 6; i < count; i++) {
        if (strcmp(words[i], "--") == 0) {
            to = test->command;
        } else {
            *to++ = words[i];
        }
    }
    return test->command[0] != NULL;
}

int main(void)
{
    char line[4096];
    struct test_case test;
    start_machine();
    calibrate();
    FILE *plan = fopen("/plan", "r");
    need(plan != NULL, "/plan");
    while (fgets(line, sizeof(line), plan) != NULL) {
        need(read_case(line, &test), "a line of the plan cannot be read");
        run_case(&test);
    }
    printf("DONE\n");
    stop_machine(NULL);
}
