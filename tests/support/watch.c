/* SPDX-License-Identifier: Apache-2.0 */
/* Watching a child's stores by write protection: see watch.h. */
#include "support/watch.h"

#include <sched.h>

#include "support/check.h"

struct watch_counts watch_counts;

void watch_stay_here(void)
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    (void)sched_setaffinity(0, sizeof here, &here);
}

#if defined(__x86_64__) && !CHECK_UNDER_TSAN

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/layout.h"
#include "support/place.h"
#include "support/stepper.h"

#define PAGES_AT_ONCE 4 /* that one instruction may store to */
#define STOP_OF_CALL  (SIGTRAP | 0x80)
#define CODE_SYSCALL  0x050f /* 0f 05 */

/* Where a system call can be made in the child, which has our code. */
__asm__(".pushsection .text\n.globl watch_site\n.hidden watch_site\nwatch_site: syscall\nint3\n.popsection");
extern const uint8_t watch_site[];

struct page {
    uint64_t address;
    const uint8_t *here; /* in our own mapping */
    uint8_t before[SR_PAGE_BYTES];
};

static struct {
    pid_t child;
    enum watch_manner manner;
    char path[2][PATH_MAX];
    const uint8_t *mapping[2]; /* of the whole file */
    uint64_t bytes[2];
    bool is_in_call;
    bool has_ended;
    bool has_changed;
    bool is_building; /* no other page of a segment than the journal's was stored to */
} watched;

static void do_nothing(void *unused)
{
    (void)unused;
    stepper_gate();
}

bool watch_is_possible(void)
{
    const pid_t trial = stepper_start(do_nothing, NULL);
    if (trial != 0) {
        stepper_kill(trial);
    }
    return trial != 0;
}

/* --- what the child does ---------------------------------------------------------------------------------------------------------- */

/* Let it go on. Returns the signal that stops it; 0: it has ended. */
static int go_on(enum __ptrace_request how)
{
    int status = 0;
    CHECK_EQUAL(ptrace(how, watched.child, NULL, NULL), 0);
    pid_t stopped = 0;
    do {
        stopped = waitpid(watched.child, &status, 0);
    } while (stopped < 0 && errno == EINTR);
    CHECK_EQUAL(stopped, watched.child);
    if (WIFSTOPPED(status)) {
        return WSTOPSIG(status);
    }
    CHECK(!WIFSIGNALED(status));
    CHECK_EQUAL(WEXITSTATUS(status), 0);
    return 0;
}

static void get_registers(struct user_regs_struct *out_registers)
{
    CHECK_EQUAL(ptrace(PTRACE_GETREGS, watched.child, NULL, out_registers), 0);
}

static void set_registers(struct user_regs_struct *registers)
{
    CHECK_EQUAL(ptrace(PTRACE_SETREGS, watched.child, NULL, registers), 0);
}

/* Have the child call mprotect(). */
static void protect(uint64_t address, uint64_t bytes, int protection)
{
    struct user_regs_struct saved;
    get_registers(&saved);
    struct user_regs_struct call = saved;
    call.rip = (uintptr_t)watch_site;
    call.rax = SYS_mprotect;
    call.orig_rax = (unsigned long long)-1; /* no call is to be restarted */
    call.rdi = address;
    call.rsi = bytes;
    call.rdx = (unsigned long long)protection;
    set_registers(&call);
    CHECK_EQUAL(go_on(PTRACE_SINGLESTEP), SIGTRAP);
    get_registers(&call);
    CHECK_EQUAL(call.rax, 0);
    saved.orig_rax = (unsigned long long)-1;
    set_registers(&saved);
}

/* --- what it has mapped ----------------------------------------------------------------------------------------------------------- */

/* A line of /proc/PID/maps about a file of the store: which one; -1: about something else. */
static int file_of(const char *line, uint64_t *out_from, uint64_t *out_to, uint64_t *out_offset,
                   bool *out_is_writable)
{
    char rights[8];
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", out_from, out_to, rights,
               out_offset, &at) != 4 ||
        at == 0) {
        return -1;
    }
    *out_is_writable = rights[1] == 'w' && rights[3] == 's';
    for (int file = 0; file < 2; file++) {
        const size_t length = strlen(watched.path[file]);
        if (strncmp(line + at, watched.path[file], length) == 0 && line[at + (int)length] == '\n') {
            return file;
        }
    }
    return -1;
}

static FILE *open_maps(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)watched.child);
    FILE *maps = fopen(path, "re");
    CHECK(maps != NULL);
    return maps;
}

static void protect_mappings(void)
{
    FILE *maps = open_maps();
    char line[PATH_MAX + 128];
    while (fgets(line, sizeof line, maps)) {
        uint64_t from = 0;
        uint64_t to = 0;
        uint64_t offset = 0;
        bool is_writable = false;
        if (file_of(line, &from, &to, &offset, &is_writable) >= 0 && is_writable) {
            protect(from, to - from, PROT_READ);
        }
    }
    (void)fclose(maps);
}

/* Ours of the file, once it is there. */
static const uint8_t *mapping_of(int file)
{
    if (!watched.mapping[file]) {
        struct stat st;
        const int fd = open(watched.path[file], O_RDONLY | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_EQUAL(fstat(fd, &st), 0);
        watched.bytes[file] = (uint64_t)st.st_size;
        watched.mapping[file] = mmap(NULL, watched.bytes[file], PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
        CHECK(watched.mapping[file] != MAP_FAILED);
        (void)close(fd);
    }
    return watched.mapping[file];
}

/* The child's page at this address, as we see it. It is a segment's, or the test fails. */
static const uint8_t *find_page(uint64_t address)
{
    FILE *maps = open_maps();
    const uint8_t *found = NULL;
    char line[PATH_MAX + 128];
    while (!found && fgets(line, sizeof line, maps)) {
        uint64_t from = 0;
        uint64_t to = 0;
        uint64_t offset = 0;
        bool is_writable = false;
        const int file = file_of(line, &from, &to, &offset, &is_writable);
        if (file >= 0 && address >= from && address < to) {
            found = mapping_of(file) + offset + (address - from);
        }
    }
    (void)fclose(maps);
    CHECK(found != NULL);
    return found;
}

/* --- stores ----------------------------------------------------------------------------------------------------------------------- */

static void open_page(struct page *page)
{
    siginfo_t info;
    CHECK_EQUAL(ptrace(PTRACE_GETSIGINFO, watched.child, NULL, &info), 0);
    page->address = (uintptr_t)info.si_addr & ~(uint64_t)(SR_PAGE_BYTES - 1);
    page->here = find_page(page->address);
    memcpy(page->before, page->here, SR_PAGE_BYTES);
    protect(page->address, SR_PAGE_BYTES, PROT_READ | PROT_WRITE);
}

static bool is_committed(void)
{
    const struct sr_journal_shm *journal =
        (const void *)(watched.mapping[1] + offsetof(struct sr_stats_map, journal));
    return watched.mapping[1] && atomic_load(&journal->committed) != 0;
}

/* A page of pairs, while the journal is not committed? */
static bool is_of_building(const struct page *page)
{
    const uint64_t offset = (uint64_t)(page->here - watched.mapping[1]); /* beyond it: of the other file */
    return watched.mapping[1] && offset >= offsetof(struct sr_stats_map, journal) &&
           offset < offsetof(struct sr_stats_map, figure) && !is_committed();
}

/* It was stopped before an instruction that stores to a segment: let that one through. */
static void let_store(void)
{
    static struct page pages[PAGES_AT_ONCE];
    uint32_t count = 0;
    int stop = SIGSEGV;
    while (stop == SIGSEGV) {
        CHECK(count < PAGES_AT_ONCE);
        open_page(&pages[count++]);
        stop = go_on(PTRACE_SINGLESTEP);
    }
    CHECK_EQUAL(stop, SIGTRAP);
    watched.is_building = true;
    for (uint32_t i = 0; i < count; i++) {
        protect(pages[i].address, SR_PAGE_BYTES, PROT_READ);
        watched.is_building &= is_of_building(&pages[i]);
        watched.has_changed |= memcmp(pages[i].before, pages[i].here, SR_PAGE_BYTES) != 0;
    }
    watch_counts.steps++;
    watch_counts.stores++;
    watch_counts.changes += watched.has_changed;
}

/* --- system calls ------------------------------------------------------------------------------------------------------------------ */

/* May this one change what the next agent, or another process, finds? */
static bool is_of_matter(int call)
{
    switch (call) {
    case SYS_fallocate:
    case SYS_ftruncate:
    case SYS_openat:
    case SYS_fcntl:
    case SYS_close:
    case SYS_mmap:
    case SYS_munmap:
    case SYS_madvise:
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_unlink:
    case SYS_write:
    case SYS_exit_group:
        return true;
    default:
        return false;
    }
}

static void note_call(int call)
{
    if (call == SYS_mmap) {
        protect_mappings();
    }
    if (is_of_matter(call)) {
        watched.has_changed = true;
        watched.is_building = false;
        watch_counts.calls++;
    }
}

/* --- going on ---------------------------------------------------------------------------------------------------------------------- */

void watch_begin(pid_t child, const char *store, enum watch_manner manner)
{
    for (int file = 0; file < 2; file++) {
        if (watched.mapping[file]) {
            CHECK_EQUAL(munmap((void *)(uintptr_t)watched.mapping[file], watched.bytes[file]), 0);
        }
    }
    memset(&watched, 0, sizeof watched);
    watched.child = child;
    watched.manner = manner;
    place_path(watched.path[0], store, "ring");
    place_path(watched.path[1], store, "stats");
    CHECK_EQUAL(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    protect_mappings();
}

/* It was stopped by this. false: at a gate, or ended. */
static bool take_stop(int stop)
{
    struct user_regs_struct registers;
    switch (stop) {
    case SIGSEGV:
        let_store();
        return true;
    case STOP_OF_CALL:
        watched.is_in_call = !watched.is_in_call;
        get_registers(&registers);
        if (!watched.is_in_call) {
            note_call((int)registers.orig_rax);
        }
        return true;
    default:
        CHECK(stop == SIGSTOP || stop == 0);
        watched.has_ended = stop == 0;
        return false;
    }
}

bool watch_step(void)
{
    struct user_regs_struct registers;
    watched.has_changed = false;
    get_registers(&registers);
    const long code = ptrace(PTRACE_PEEKTEXT, watched.child, registers.rip, NULL);
    const int call = (code & 0xffff) == CODE_SYSCALL ? (int)registers.rax : -1;
    const int stop = go_on(PTRACE_SINGLESTEP);
    if (stop != SIGTRAP) {
        return take_stop(stop);
    }
    watch_counts.steps++;
    if (call >= 0) {
        note_call(call);
    }
    return true;
}

bool watch_next(void)
{
    watched.has_changed = false;
    while (!watched.has_changed) {
        if (watched.manner == WATCH_STEPPING ? !watch_step() : !take_stop(go_on(PTRACE_SYSCALL))) {
            return false;
        }
    }
    return true;
}

bool watch_has_changed(void)
{
    return watched.has_changed;
}

bool watch_has_ended(void)
{
    return watched.has_ended;
}

bool watch_is_building(void)
{
    return watched.is_building;
}

bool watch_is_applying(void)
{
    return is_committed();
}

#else

bool watch_is_possible(void)
{
    return false;
}

void watch_begin(pid_t child, const char *store, enum watch_manner manner)
{
    (void)child;
    (void)store;
    (void)manner;
}

bool watch_next(void)
{
    return false;
}

bool watch_step(void)
{
    return false;
}

bool watch_has_changed(void)
{
    return false;
}

bool watch_has_ended(void)
{
    return true;
}

bool watch_is_building(void)
{
    return false;
}

bool watch_is_applying(void)
{
    return false;
}

#endif
