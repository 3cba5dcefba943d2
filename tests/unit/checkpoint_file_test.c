/* SPDX-License-Identifier: Apache-2.0 */
/* agent/checkpoint/checkpoint_file.h: a file that is not as it was written is not whole, whatever was done to it; and what a checksum vouches for still cannot
 * lead outside of memory. */
#include "agent/checkpoint/checkpoint_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/checkpoint/checkpoint_source.h"
#include "agent/log.h"
#include "support/place.h"
#include "support/rig.h"
#include "support/workload.h"

#define MS UINT64_C(1000000)

static char folder_path[256];
static struct checkpoint_folder folder;
static uint8_t whole[1u << 20];
static size_t whole_bytes;

/* A small file with everything in it: books, windows, objectives, money. */
static void make_file(void)
{
    char path[PATH_MAX];
    const char *why;
    struct slipring_primitive *it = NULL;
    const struct slipring_cost cost = {.cost_nanodollars = 5, .savings_nanodollars = 2};
    (void)snprintf(folder_path, sizeof folder_path, "%s/file-%s", place_folder(), rig.options.store);
    rig_stop(&rig);
    rig.checkpoint_folder = folder_path;
    rig_open(&rig);
    CHECK_OK(slipring_primitive_get(rig_producer, "it", "primitive", &it));
    CHECK_OK(slipring_objective_add(
        it, &(struct slipring_objective){.kind = SLIPRING_AVAILABILITY, .target_ppb = 900000000}));
    for (uint32_t i = 0; i < 10; i++) {
        slipring_record(it, i * MS, SLIPRING_SUCCESS, &cost);
        rig_tick(&rig, RIG_SECOND);
        rig_settle(&rig);
    }
    const char *store = rig.options.store;
    rig_stop(&rig);
    CHECK(checkpoint_folder_init(&folder, folder_path, store));
    CHECK_EQUAL(checkpoint_folder_open(&folder, &why), 0);
    (void)snprintf(path, sizeof path, "%s/%s.full", folder_path, store);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, whole, sizeof whole);
    CHECK(got > 100 && got < (ssize_t)sizeof whole);
    whole_bytes = (size_t)got;
    (void)close(fd);
}

static void write_file(const uint8_t *bytes, size_t count)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s.full", folder_path, folder.store);
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count);
    (void)close(fd);
}

/* What is said of it. All of it that is sound is read again. */
static enum checkpoint_look look_at(const uint8_t *bytes, size_t count)
{
    struct checkpoint_source *source = calloc(1, sizeof *source);
    CHECK(source != NULL);
    write_file(bytes, count);
    checkpoint_source_open(source, &folder, CHECKPOINT_FULL);
    const enum checkpoint_look look = source->look;
    CHECK(look == CHECKPOINT_SOUND || source->why != NULL);
    if (look == CHECKPOINT_SOUND) {
        CHECK(checkpoint_source_rewind(source));
        while (checkpoint_source_next(source) != CHECKPOINT_TAIL) {
        }
    }
    checkpoint_source_close(source);
    free(source);
    return look;
}

static void no_byte_of_a_file_can_be_another_one(void)
{
    static uint8_t spoiled[sizeof whole];
    make_file();
    CHECK_EQUAL(look_at(whole, whole_bytes), CHECKPOINT_SOUND);
    for (size_t i = 0; i < whole_bytes; i++) {
        memcpy(spoiled, whole, whole_bytes);
        spoiled[i] ^= (uint8_t)(1u << i % 8);
        CHECK_EQUAL(look_at(spoiled, whole_bytes), CHECKPOINT_UNSOUND);
        spoiled[i] = (uint8_t)~whole[i];
        CHECK_EQUAL(look_at(spoiled, whole_bytes), CHECKPOINT_UNSOUND);
    }
}

static void no_byte_can_be_missing_or_too_many(void)
{
    make_file();
    for (size_t bytes = 0; bytes < whole_bytes; bytes++) {
        CHECK_EQUAL(look_at(whole, bytes), CHECKPOINT_UNSOUND);
    }
    whole[whole_bytes] = 0;
    CHECK_EQUAL(look_at(whole, whole_bytes + 1), CHECKPOINT_UNSOUND);
    memcpy(whole + whole_bytes, whole, whole_bytes);
    CHECK_EQUAL(look_at(whole, 2 * whole_bytes), CHECKPOINT_UNSOUND);
}

static uint32_t get(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* A whole record less: each frame is sound, and the file is not. */
static void no_record_can_be_missing(void)
{
    static uint8_t shorter[sizeof whole];
    make_file();
    uint32_t records = 0;
    for (size_t at = 16; at < whole_bytes; records++) {
        const size_t bytes = 12 + get(whole + at + 4);
        const uint32_t kind = get(whole + at);
        memcpy(shorter, whole, at);
        memcpy(shorter + at, whole + at + bytes, whole_bytes - at - bytes);
        if (kind != CHECKPOINT_INCIDENTS && kind != CHECKPOINT_USAGE) {
            CHECK_EQUAL(look_at(shorter, whole_bytes - bytes), CHECKPOINT_UNSOUND);
        }
        at += bytes;
    }
    CHECK(records >= 4); /* head, __overflow__, it, tail */
}

/* A record of a kind, or with a field, that only a later version knows: left alone. */
static void what_a_later_version_adds_is_left_alone(void)
{
    static const uint8_t field[] = {0xfa, 0x3f, 3, 'n', 'e', 'w'}; /* number 1023, three bytes */
    static uint8_t longer[sizeof whole];
    make_file();
    const size_t head = 12 + get(whole + 16 + 4);
    uint32_t frame[3] = {77, sizeof field, 0};
    uint8_t *at = longer + 16 + head;
    memcpy(longer, whole, 16 + head);
    frame[2] = (uint32_t)crc32_z(crc32_z(0, (const uint8_t *)frame, 8), field, sizeof field);
    memcpy(at, frame, sizeof frame);
    memcpy(at + 12, field, sizeof field);
    memcpy(at + 12 + sizeof field, whole + 16 + head, whole_bytes - 16 - head);
    CHECK_EQUAL(look_at(longer, whole_bytes + 12 + sizeof field), CHECKPOINT_SOUND);

    memcpy(longer + 16 + head, field, sizeof field); /* a field of the head itself */
    memcpy(longer + 16 + head + sizeof field, whole + 16 + head, whole_bytes - 16 - head);
    frame[0] = CHECKPOINT_HEAD;
    frame[1] = (uint32_t)(head - 12 + sizeof field);
    frame[2] = (uint32_t)crc32_z(crc32_z(0, (const uint8_t *)frame, 8), longer + 16 + 12, frame[1]);
    memcpy(longer + 16, frame, sizeof frame);
    CHECK_EQUAL(look_at(longer, whole_bytes + sizeof field), CHECKPOINT_SOUND);
}

/* Payloads are spoiled and the checksums made to agree: sound or not, nothing crashes, and merging what is there does not either. */
static void a_checksum_that_agrees_makes_nobody_believe(void)
{
    static uint8_t spoiled[sizeof whole];
    static struct checkpoint_unpacked unpacked[2];
    uint64_t random = workload_seed("spoils");
    const char *why;
    make_file();
    for (uint32_t round = 0; round < 4000; round++) {
        memcpy(spoiled, whole, whole_bytes);
        for (size_t at = 16; at < whole_bytes; at += 12 + get(whole + at + 4)) {
            const uint32_t bytes = get(whole + at + 4);
            const uint64_t changes = workload_below(&random, 4);
            for (uint64_t i = 0; i < changes && bytes > 0; i++) {
                spoiled[at + 12 + workload_below(&random, bytes)] = (uint8_t)workload_random(&random);
            }
            const uint32_t crc = (uint32_t)crc32_z(crc32_z(0, spoiled + at, 8), spoiled + at + 12, bytes);
            memcpy(spoiled + at + 8, &crc, sizeof crc);
            if (get(whole + at) == CHECKPOINT_BOOK &&
                checkpoint_unpack_book(&unpacked[0], spoiled + at + 12, bytes, &why) &&
                checkpoint_unpack_book(&unpacked[1], spoiled + at + 12, bytes, &why)) {
                unpacked[1].times.created_wall_ns = unpacked[0].times.created_wall_ns;
                (void)checkpoint_merge(&unpacked[0], &unpacked[1]);
            }
        }
        (void)look_at(spoiled, whole_bytes);
    }
    checkpoint_unpacked_free(&unpacked[0]);
    checkpoint_unpacked_free(&unpacked[1]);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(no_byte_of_a_file_can_be_another_one),
        RIG_TEST(no_byte_can_be_missing_or_too_many),
        RIG_TEST(no_record_can_be_missing),
        RIG_TEST(what_a_later_version_adds_is_left_alone),
        RIG_TEST(a_checksum_that_agrees_makes_nobody_believe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
