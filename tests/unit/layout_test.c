/* SPDX-License-Identifier: Apache-2.0 */
/* The byte map is a contract between versions: what moves in it must raise SR_ABI_MAJOR, and this test, which holds the numbers of
 * this ABI, must then be made anew. */
#include "protocol/layout.h"

#include <stdalign.h>

#include "protocol/segment.h"
#include "support/check.h"

struct region {
    const char *name;
    uint64_t offset;
    uint64_t bytes;
};

static void the_regions_of_the_ring_segment_lie_where_the_map_says(void **state)
{
    (void)state;
    CHECK_EQUAL(SR_ABI_MAJOR, 6);
    static const struct region want[] = {
        {"header", 0u, 1280u},
        {"registry_key", 4096u, 131072u},
        {"primitive_page", 135168u, 16384u},
        {"slot_page", 151552u, 256u},
        {"ring_state", 155648u, 315392u},
        {"ring_page", 471040u, 39424u},
        {"extent_page", 512000u, 1232u},
        {"news", 516096u, 4096u},
        {"usage_key", 520192u, 32768u},
        {"usage_page", 552960u, 256u},
        {"registry_entry", 557056u, 33554432u},
        {"bounds", 34111488u, 4194304u},
        {"slot", 38305792u, 1048576u},
        {"ring_info", 39354368u, 5046272u},
        {"producer_line", 44400640u, 5046272u},
        {"consumer_line", 49446912u, 5046272u},
        {"shared_spill", 54493184u, 536870912u},
        {"usage_account", 591364096u, 1048576u},
        {"pool_small", 592412672u, 268435456u},
        {"pool_mid", 860848128u, 268435456u},
        {"pool_big", 1129283584u, 150994944u},
        {"pool_direct", 1280278528u, 67108864u},
    };
    uint32_t count = 0;
#define X(region, size)                                                                                      \
    CHECK_EQUAL(offsetof(struct sr_ring_map, region), want[count].offset);                                   \
    CHECK_EQUAL((uint64_t)(size), want[count].bytes);                                                        \
    count++;
    SR_RING_REGIONS(X)
#undef X
    CHECK_EQUAL(count, SR_ARRAY_COUNT(want));
    CHECK_EQUAL(sizeof(struct sr_ring_map), UINT64_C(1347387392));
}

static void the_regions_of_the_stats_segment_lie_where_the_map_says(void **state)
{
    (void)state;
    static const struct region want[] = {
        {"header", 0u, 752u},
        {"agent_figure", 4096u, 1152u},
        {"journal", 8192u, 1048704u},
        {"incident_log", 1060864u, 139408u},
        {"slo_page", 1204224u, 16384u},
        {"usage_figure_page", 1220608u, 1024u},
        {"histogram_page", 1224704u, 16384u},
        {"exemplar_page", 1241088u, 16384u},
        {"figure", 1257472u, 201326592u},
        {"slo_figure", 202584064u, 201326592u},
        {"usage_figure", 403910656u, 4194304u},
        {"histogram", 408104960u, 67108864u},
        {"exemplar_figure", 475213824u, 134217728u},
        {"words", 609431552u, 9020780544u},
    };
    uint32_t count = 0;
#define X(region, size)                                                                                      \
    CHECK_EQUAL(offsetof(struct sr_stats_map, region), want[count].offset);                                  \
    CHECK_EQUAL((uint64_t)(size), want[count].bytes);                                                        \
    count++;
    SR_STATS_REGIONS(X)
#undef X
    CHECK_EQUAL(count, SR_ARRAY_COUNT(want));
    CHECK_EQUAL(sizeof(struct sr_stats_map), UINT64_C(9630212096));
}

static void regions_begin_at_pages_and_hold_what_is_in_them(void **state)
{
    (void)state;
    uint64_t end = 0;
#define X(region, size)                                                                                      \
    CHECK_EQUAL(offsetof(struct sr_ring_map, region), end);                                                  \
    CHECK_EQUAL(end % SR_PAGE_BYTES, 0);                                                                     \
    end += SR_PAGES(size);
    SR_RING_REGIONS(X)
#undef X
    CHECK_EQUAL(end, sizeof(struct sr_ring_map));
}

static void what_two_sides_write_never_shares_a_line(void **state)
{
    (void)state;
    CHECK_EQUAL(SR_LINE_BYTES, 128);
    CHECK_EQUAL(alignof(struct sr_ring_header_shm), SR_LINE_BYTES);
    CHECK_EQUAL(offsetof(struct sr_ring_header_shm, control) % SR_LINE_BYTES, 0);
    CHECK_EQUAL(offsetof(struct sr_ring_header_shm, hint) % SR_LINE_BYTES, 0);
    CHECK(offsetof(struct sr_ring_header_shm, hint) - offsetof(struct sr_ring_header_shm, control) >=
          SR_LINE_BYTES);
    CHECK_EQUAL(sizeof(struct sr_producer_line_shm), SR_LINE_BYTES);
    CHECK_EQUAL(sizeof(struct sr_consumer_line_shm), SR_LINE_BYTES);
    CHECK_EQUAL(sizeof(struct sr_ring_info_shm), SR_LINE_BYTES);
}

/* What the agent reads of a line, by its place. */
static void the_fields_of_the_lines_lie_where_the_map_says(void **state)
{
    (void)state;
#define AT(type, field, want) CHECK_EQUAL(offsetof(struct type, field), want)
    AT(sr_control_shm, coarse_ns, 0);
    AT(sr_control_shm, bounds_epoch, 8);
    AT(sr_control_shm, agent_life, 16);
    AT(sr_control_shm, primitive_limit, 24);
    AT(sr_control_shm, ring_cap, 28);
    AT(sr_control_shm, reserve_epoch, 32);
    AT(sr_control_shm, tick_to_ns, 40);
    AT(sr_producer_line_shm, tail, 0);
    AT(sr_producer_line_shm, begun, 8);
    AT(sr_producer_line_shm, redo_key, 16);
    AT(sr_producer_line_shm, redo_sum, 24);
    AT(sr_producer_line_shm, redo_cost, 32);
    AT(sr_producer_line_shm, redo_savings, 40);
    AT(sr_producer_line_shm, redo_bound, 48);
    AT(sr_producer_line_shm, redo_ended, 56);
    AT(sr_producer_line_shm, redo_clamped, 64);
    AT(sr_producer_line_shm, redo_min, 72);
    AT(sr_producer_line_shm, redo_max, 80);
    AT(sr_producer_line_shm, redo_lost, 88);
    AT(sr_consumer_line_shm, head, 0);
    AT(sr_consumer_line_shm, offer, 8);
    AT(sr_ring_info_shm, primitive, 0);
    AT(sr_ring_info_shm, slot, 4);
    AT(sr_ring_info_shm, generation, 8);
    AT(sr_ring_info_shm, tid, 12);
    AT(sr_ring_info_shm, spill_base, 16);
    AT(sr_ring_info_shm, first_word, 24);
    AT(sr_slot_shm, state, 0);
    AT(sr_slot_shm, pid, 8);
    AT(sr_slot_shm, pid_namespace, 16);
    AT(sr_slot_shm, attached_ns, 24);
    AT(sr_slot_shm, comm, 32);
    AT(sr_slot_shm, unattributed, 48);
    AT(sr_slot_shm, spans, 256);
    AT(sr_registry_entry_shm, name, 16);
    AT(sr_registry_entry_shm, type, 152);
    AT(sr_registry_entry_shm, categories, 256);
    AT(sr_registry_entry_shm, objectives, 896);
    AT(sr_bounds_shm, version, 0);
    AT(sr_bounds_shm, count, 8);
    AT(sr_bounds_shm, alias, 16);
    AT(sr_bounds_shm, bound_ns, 64);
    AT(sr_ring_header_shm, magic, 0);
    AT(sr_ring_header_shm, abi_major, 8);
    AT(sr_ring_header_shm, endian, 16);
    AT(sr_ring_header_shm, segment_bytes, 24);
    AT(sr_ring_header_shm, incarnation, 40);
    AT(sr_ring_header_shm, ready, 56);
#undef AT
}

static void blocks_of_all_rings_lie_in_their_pool_one_behind_the_other(void **state)
{
    (void)state;
    const struct sr_segment segment = {.map.base = NULL};
    uint64_t end = offsetof(struct sr_ring_map, pool_small);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint32_t class = sr_ring_class_of(ring);
        const struct sr_ring_shape *shape = &sr_ring_shapes[class];
        if (ring == shape->first_ring) {
            CHECK_EQUAL(class, ring == 0       ? SR_CLASS_small
                               : ring == 32768 ? SR_CLASS_mid
                               : ring == 36864 ? SR_CLASS_big
                                               : SR_CLASS_direct);
            CHECK_EQUAL(ring % SR_EXTENT_RINGS, 0);
            CHECK_EQUAL(shape->words & (shape->words - 1), 0);
        }
        CHECK_EQUAL((uintptr_t)sr_segment_ring_words(&segment, ring), end);
        CHECK_EQUAL((uintptr_t)sr_segment_spill(&segment, ring), end + shape->words * 8);
        end += shape->block_bytes;
        CHECK_EQUAL(end, (uintptr_t)(sr_segment_spill(&segment, ring) + shape->spill_words));
    }
    CHECK_EQUAL(end, sizeof(struct sr_ring_map));
}

static void a_state_word_gives_back_what_was_put_in(void **state)
{
    (void)state;
    const uint64_t word = sr_state_word(UINT32_MAX, SR_SLOT_NONE, SR_RING_QUARANTINED);
    CHECK_EQUAL(sr_state_generation(word), UINT32_MAX);
    CHECK_EQUAL(sr_state_slot(word), SR_SLOT_NONE);
    CHECK_EQUAL(sr_state_of(word), SR_RING_QUARANTINED);
    CHECK_EQUAL(sr_state_word(1, 2, 3), UINT64_C(0x100000203));
    CHECK(SR_SLOT_MAX <= SR_SLOT_NONE);
}

static void the_parts_of_a_sample_do_not_overlap(void **state)
{
    (void)state;
    const uint64_t parts[] = {
        SR_SAMPLE_KIND_MASK, SR_SAMPLE_FAILURE,
        SR_SAMPLE_ENDED,     SR_SAMPLE_CATEGORY_MASK,
        SR_SAMPLE_AMOUNTS,   SR_SAMPLE_CLAMPED,
        SR_SAMPLE_TRACED,    SLIPRING_DURATION_MAX_NS << SR_SAMPLE_DURATION_SHIFT,
    };
    uint64_t all = 0;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(parts); i++) {
        CHECK_EQUAL(all & parts[i], 0);
        all |= parts[i];
    }
    CHECK_EQUAL(all, UINT64_MAX);
    const uint64_t redo[] = {SR_REDO_TURN,
                             SR_REDO_WORD_MASK << SR_REDO_WORD_SHIFT,
                             SR_REDO_CATEGORY_MASK << SR_REDO_CATEGORY_SHIFT,
                             SR_REDO_ENTRY_MASK << SR_REDO_ENTRY_SHIFT,
                             SR_REDO_COST,
                             SR_REDO_BOUND,
                             SR_REDO_LOST,
                             SR_REDO_MINMAX,
                             SR_REDO_COUNTED,
                             UINT64_MAX << SR_REDO_VALUE_SHIFT};
    all = 0;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(redo); i++) {
        CHECK_EQUAL(all & redo[i], 0);
        all |= redo[i];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_regions_of_the_ring_segment_lie_where_the_map_says),
        cmocka_unit_test(the_regions_of_the_stats_segment_lie_where_the_map_says),
        cmocka_unit_test(regions_begin_at_pages_and_hold_what_is_in_them),
        cmocka_unit_test(what_two_sides_write_never_shares_a_line),
        cmocka_unit_test(the_fields_of_the_lines_lie_where_the_map_says),
        cmocka_unit_test(blocks_of_all_rings_lie_in_their_pool_one_behind_the_other),
        cmocka_unit_test(a_state_word_gives_back_what_was_put_in),
        cmocka_unit_test(the_parts_of_a_sample_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
