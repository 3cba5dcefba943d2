/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring ls`: the stores on this host, and how each of them is. */
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "command.h"
#include "figures.h"
#include "message.h"
#include "peer/stats.h"
#include "peer/stores.h"
#include "table.h"

enum agent_state { AGENT_NEVER, AGENT_RUNNING, AGENT_STOPPED, AGENT_DIED, AGENT_UNKNOWN };

static const char *const agent_words[] = {"never", "running", "stopped", "died", "unknown"};

struct store_line {
    const struct sr_store_info *info;
    enum agent_state agent;
    struct sr_stats_agent details;
};

static struct store_line look_at(const struct sr_store_info *info)
{
    struct store_line line = {.info = info};
    struct sr_stats *stats;
    const enum slipring_status status = sr_stats_open(info->name, &stats);
    if (status != SLIPRING_OK) {
        line.agent = status == SLIPRING_ABSENT || status == SLIPRING_NO_DATA ? AGENT_NEVER : AGENT_UNKNOWN;
        return line;
    }
    sr_stats_agent(stats, &line.details);
    sr_stats_close(stats);
    line.agent = line.details.alive ? AGENT_RUNNING : line.details.pid != 0 ? AGENT_DIED : AGENT_STOPPED;
    return line;
}

/* "user:group", numbers where there is no name. */
static const char *name_owner(const struct sr_store_info *info, struct render_text *room)
{
    const struct passwd *user = getpwuid(info->uid);
    char user_name[64];
    (void)snprintf(user_name, sizeof user_name, "%u", info->uid);
    if (user) {
        (void)snprintf(user_name, sizeof user_name, "%s", user->pw_name);
    }
    const struct group *group = getgrgid(info->gid);
    if (group) {
        (void)snprintf(room->text, sizeof room->text, "%s:%.64s", user_name, group->gr_name);
    } else {
        (void)snprintf(room->text, sizeof room->text, "%s:%u", user_name, info->gid);
    }
    return room->text;
}

static const char *name_agent(const struct store_line *line, const struct render_style *style,
                              struct render_text *room)
{
    if (line->agent == AGENT_UNKNOWN) {
        return render_absent(style);
    }
    if (line->agent == AGENT_RUNNING) {
        (void)snprintf(room->text, sizeof room->text, "%" PRIu64, line->details.pid);
    } else {
        (void)snprintf(room->text, sizeof room->text, "%s", agent_words[line->agent]);
    }
    return room->text;
}

static void add_number(struct table *table, const struct render_style *style, bool is_known, uint32_t number)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%" PRIu32, number);
    table_add(table, is_known ? digits : render_absent(style));
}

static void print_text(const struct store_line *lines, size_t count, const struct render_style *style)
{
    static const struct table_column columns[] = {
        {.title = "STORE"},
        {.title = "AGENT"},
        {.title = "PROCESSES", .is_right = true},
        {.title = "RINGS", .is_right = true, .may_go = 2},
        {.title = "PRIMITIVES", .is_right = true},
        {.title = "MEMORY", .is_right = true, .may_go = 1},
        {.title = "OWNER"},
        {.title = "MODE", .may_go = 3},
        {.title = "STATE", .is_elastic = true},
    };
    struct table table;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < count; i++) {
        const struct sr_store_info *info = lines[i].info;
        struct render_text text;
        bool is_fine = info->ring_status == SLIPRING_OK;
        table_add(&table, info->name);
        table_add(&table, name_agent(&lines[i], style, &text));
        add_number(&table, style, is_fine && info->liveness_known, info->processes);
        add_number(&table, style, is_fine, info->rings);
        add_number(&table, style, is_fine, info->primitives);
        table_add(&table, render_bytes(info->memory_bytes, &text));
        table_add(&table, name_owner(info, &text));
        (void)snprintf(text.text, sizeof text.text, "%04o", info->mode);
        table_add(&table, text.text);
        table_add(&table, is_fine ? "ok" : message_state(info->name, info->ring_status, &text));
    }
    table_print(&table, style, stdout);
    table_close(&table);
}

static struct json_object *store_json(const struct store_line *line)
{
    const struct sr_store_info *info = line->info;
    struct render_text owner;
    struct json_object *object = json_object_new_object();
    struct json_object *agent = json_object_new_object();
    if (!object || !agent) {
        message_out_of_memory();
    }
    json_object_object_add(agent, "state", json_object_new_string(agent_words[line->agent]));
    if (line->agent == AGENT_RUNNING || line->agent == AGENT_DIED) {
        json_object_object_add(agent, "pid", json_object_new_uint64(line->details.pid));
    }
    json_object_object_add(object, "name", json_object_new_string(info->name));
    json_object_object_add(object, "status", json_object_new_string(slipring_status_name(info->ring_status)));
    json_object_object_add(object, "agent", agent);
    if (info->ring_status == SLIPRING_OK) {
        json_object_object_add(object, "rings", json_object_new_uint64(info->rings));
        json_object_object_add(object, "primitives", json_object_new_uint64(info->primitives));
    }
    if (info->ring_status == SLIPRING_OK && info->liveness_known) {
        json_object_object_add(object, "processes", json_object_new_uint64(info->processes));
    }
    json_object_object_add(object, "memory_bytes", json_object_new_uint64(info->memory_bytes));
    json_object_object_add(object, "owner", json_object_new_string(name_owner(info, &owner)));
    char mode[8];
    (void)snprintf(mode, sizeof mode, "%04o", info->mode & 07777u);
    json_object_object_add(object, "mode", json_object_new_string(mode));
    return object;
}

static void print_json(const struct store_line *lines, size_t count)
{
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    if (!root || !list) {
        message_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        json_object_array_add(list, store_json(&lines[i]));
    }
    json_object_object_add(root, "folder", json_object_new_string(sr_stores_folder()));
    json_object_object_add(root, "stores", list);
    figures_print_json(root);
}

static int run_ls(const struct invocation *invocation)
{
    struct sr_store_info *list;
    size_t count;
    enum slipring_status status = sr_stores_list(&list, &count);
    if (status != SLIPRING_OK) {
        struct render_text quoted;
        message_print("cannot look through %s: %s", render_quote(sr_stores_folder(), &quoted),
                      slipring_status_text(status));
        return STATUS_BAD;
    }
    struct store_line *lines = calloc(count + 1, sizeof *lines);
    if (!lines) {
        message_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        lines[i] = look_at(&list[i]);
    }
    if (invocation->values[OPTION_json]) {
        print_json(lines, count);
    } else if (count > 0) {
        print_text(lines, count, &invocation->style);
    } else {
        struct render_text folder;
        printf("no store in %s\n",
               render_safe(&invocation->style, sr_stores_folder(), sizeof folder.text, &folder));
    }
    free(lines);
    free(list);
    return STATUS_OK;
}

const struct command command_ls = {
    .name = "ls",
    .synopsis = "[OPTION]...",
    .summary = "stores on this host, their agents, users and memory",
    .description = "Lists every store in the shared-memory folder ($SLIPRING_SHM_DIR, default /dev/shm), "
                   "also those that are "
                   "damaged or of another version: STATE says what is wrong and what to do.\n"
                   "AGENT is the pid of the running agent, \"stopped\" when the last one ended cleanly, "
                   "\"died\" when it did not, "
                   "\"never\" when there was none, and a dash when its files cannot be read. PROCESSES are "
                   "attached and alive, RINGS are owned by their threads, PRIMITIVES "
                   "are registered, __overflow__ among them. MEMORY is what the store's files take up now. "
                   "OWNER is user:group; "
                   "who is neither may not record.",
    .exits = "0\tlisted, also when there is none\n"
             "2\tbad input, or the folder cannot be read\n",
    .examples =
        "slipring ls\n"
        "slipring ls --json | jq -r '.stores[] | select(.agent.state == \"died\").name'\tstores whose agent "
        "needs a restart\n",
    .no_store = "it lists every store there is",
    COMMAND_OPTIONS(OPTION_json),
    .max_words = 0,
    .run = run_ls,
};
