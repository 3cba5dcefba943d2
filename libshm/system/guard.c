/* SPDX-License-Identifier: Apache-2.0 */
/* The SIGBUS handler and its table of ranges. */
#include "system/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A place of the table. base is 0 while the place is unused or being filled: stored last, cleared first. */
struct guard_range {
    _Atomic uintptr_t base;
    _Atomic uint64_t bytes;
    _Atomic int protection;
    _Atomic uint64_t faults;
};

static struct guard_range ranges[SR_GUARD_RANGE_MAX];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER; /* adding and removing; never the handler */
static bool installed;
static struct sigaction former;

/* The range that holds the address, or NULL. Takes no lock: signal safe. */
static struct guard_range *find_range(uintptr_t address)
{
    for (size_t i = 0; i < SR_GUARD_RANGE_MAX; i++) {
        /* acquire pairs with the release in sr_guard_add(): else the bytes of the place's last range are seen */
        uintptr_t base = atomic_load_explicit(&ranges[i].base, memory_order_acquire);
        if (base == 0 || address < base) {
            continue;
        }
        /* acquire keeps the second look at base behind it: a place that changed hands meanwhile is no match */
        uint64_t bytes = atomic_load_explicit(&ranges[i].bytes, memory_order_acquire);
        if (address - base < bytes &&
            /* relaxed: compared, never followed */
            atomic_load_explicit(&ranges[i].base, memory_order_relaxed) == base) {
            return &ranges[i];
        }
    }
    return NULL;
}

/* Put a page of zeros over the page that holds the address. */
static bool replace_page(struct guard_range *range, uintptr_t address)
{
    int saved_errno = errno;
    void *page = (void *)(address & ~(uintptr_t)(SR_PAGE_BYTES - 1));
    /* relaxed: published with base, which find_range() acquired */
    int protection = atomic_load_explicit(&range->protection, memory_order_relaxed);
    /* The bare call: no wrapper, and no sanitizer's interceptor, runs inside a signal handler. */
    long mapped = syscall(SYS_mmap, page, (unsigned long)SR_PAGE_BYTES, (long)protection,
                          (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1L, 0L);
    errno = saved_errno;
    if (mapped == -1) {
        return false;
    }
    /* release pairs with sr_guard_faults(): who sees the count also sees that these zeros are not the file's */
    atomic_fetch_add_explicit(&range->faults, 1, memory_order_release);
    return true;
}

static void handle_bus_error(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == BUS_ADRERR) {
        uintptr_t address = (uintptr_t)info->si_addr;
        struct guard_range *range = find_range(address);
        if (range && replace_page(range, address)) {
            return;
        }
    }
    /* Not ours. The former disposition gets it: a fault by repeating itself at return, a sent signal by being
     * sent again (it is pending until this handler returns). */
    sigaction(SIGBUS, &former, NULL);
    if (info->si_code <= 0) {
        raise(signal_number);
    }
}

enum slipring_status sr_guard_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);

    enum slipring_status status = SLIPRING_OK;
    pthread_mutex_lock(&table_lock);
    /* `former` is filled once, before the handler can run, and read by the handler alone */
    if (!installed && sigaction(SIGBUS, NULL, &former) != 0) {
        status = SLIPRING_SYSTEM;
    } else if (sigaction(SIGBUS, &action, NULL) != 0) {
        status = SLIPRING_SYSTEM;
    } else {
        installed = true;
    }
    pthread_mutex_unlock(&table_lock);
    return status;
}

enum slipring_status sr_guard_add(const void *base, uint64_t bytes, bool writable)
{
    uintptr_t start = (uintptr_t)base;
    if (start == 0 || bytes == 0 || start % SR_PAGE_BYTES != 0 || bytes > UINTPTR_MAX - start) {
        return SLIPRING_BAD_ARGUMENT;
    }
    enum slipring_status status = SLIPRING_TABLE_FULL;
    pthread_mutex_lock(&table_lock);
    for (size_t i = 0; i < SR_GUARD_RANGE_MAX; i++) {
        /* relaxed: only holders of the lock write it */
        if (atomic_load_explicit(&ranges[i].base, memory_order_relaxed) != 0) {
            continue;
        }
        /* relaxed: published by the release below */
        atomic_store_explicit(&ranges[i].bytes, bytes, memory_order_relaxed);
        int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
        atomic_store_explicit(&ranges[i].protection, protection, memory_order_relaxed);
        atomic_store_explicit(&ranges[i].faults, 0, memory_order_relaxed);
        /* release pairs with find_range(): else the handler sees the place's last range */
        atomic_store_explicit(&ranges[i].base, start, memory_order_release);
        status = SLIPRING_OK;
        break;
    }
    pthread_mutex_unlock(&table_lock);
    return status;
}

void sr_guard_remove(const void *base)
{
    pthread_mutex_lock(&table_lock);
    for (size_t i = 0; i < SR_GUARD_RANGE_MAX; i++) {
        /* relaxed: only holders of the lock write it, and no thread touches the range any more */
        if (base && atomic_load_explicit(&ranges[i].base, memory_order_relaxed) == (uintptr_t)base) {
            atomic_store_explicit(&ranges[i].base, 0, memory_order_relaxed);
            break;
        }
    }
    pthread_mutex_unlock(&table_lock);
}

uint64_t sr_guard_faults(const void *base)
{
    struct guard_range *range = base ? find_range((uintptr_t)base) : NULL;
    /* acquire pairs with replace_page() */
    return range ? atomic_load_explicit(&range->faults, memory_order_acquire) : 0;
}
