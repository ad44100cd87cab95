#include "common/pkg/config_label_fields.h"

#include "common/base/base.h"

/* Short names, so that a row is a line. */
#define TEXT   LK_CONFIG_TEXT
#define BOOL   LK_CONFIG_BOOL
#define INT64  LK_CONFIG_INT64
#define UINT16 LK_CONFIG_UINT16
#define UINT32 LK_CONFIG_UINT32
#define UINT64 LK_CONFIG_UINT64
#define FREE   LK_CONFIG_FREE
#define RECORD LK_CONFIG_RECORD
#define ONE    LK_CONFIG_ONE
#define LIST   LK_CONFIG_LIST
#define MAP    LK_CONFIG_MAP
#define ABSENT LK_CONFIG_IF_ABSENT
#define EMPTY  LK_CONFIG_IF_EMPTY
#define NEVER  LK_CONFIG_NEVER

#define RECORD_OF(rows)      \
    {                        \
        LK_COUNT(rows), rows \
    }

static const struct lk_config_field id_mapping_fields[] = {
    { "containerid", "containerID", UINT32, ONE, NEVER, NULL },
    { "hostid", "hostID", UINT32, ONE, NEVER, NULL },
    { "size", "size", UINT32, ONE, NEVER, NULL },
};
static const struct lk_config_record id_mapping = RECORD_OF(id_mapping_fields);

static const struct lk_config_field mount_fields[] = {
    { "destination", "destination", TEXT, ONE, NEVER, NULL },
    { "type", "type", TEXT, ONE, EMPTY, NULL },
    { "source", "source", TEXT, ONE, EMPTY, NULL },
    { "options", "options", TEXT, LIST, EMPTY, NULL },
    { "uidmappings", "uidMappings", RECORD, LIST, EMPTY, &id_mapping },
    { "gidmappings", "gidMappings", RECORD, LIST, EMPTY, &id_mapping },
};
static const struct lk_config_record mount = RECORD_OF(mount_fields);

static const struct lk_config_field device_fields[] = {
    { "path", "path", TEXT, ONE, NEVER, NULL },
    { "type", "type", TEXT, ONE, NEVER, NULL },
    { "major", "major", INT64, ONE, NEVER, NULL },
    { "minor", "minor", INT64, ONE, NEVER, NULL },
    { "mode", "mode", TEXT, ONE, EMPTY, NULL },
};
static const struct lk_config_record device = RECORD_OF(device_fields);

static const struct lk_config_field device_rule_fields[] = {
    { "allow", "allow", BOOL, ONE, NEVER, NULL },
    { "type", "type", TEXT, ONE, EMPTY, NULL },
    { "major", "major", INT64, ONE, ABSENT, NULL },
    { "minor", "minor", INT64, ONE, ABSENT, NULL },
    { "access", "access", TEXT, ONE, EMPTY, NULL },
};
static const struct lk_config_record device_rule = RECORD_OF(device_rule_fields);

static const struct lk_config_field memory_fields[] = {
    { "limit", "limit", INT64, ONE, ABSENT, NULL },
    { "reservation", "reservation", INT64, ONE, ABSENT, NULL },
    { "swap", "swap", INT64, ONE, ABSENT, NULL },
    { "kernel", "kernel", INT64, ONE, ABSENT, NULL },
    { "kerneltcp", "kernelTCP", INT64, ONE, ABSENT, NULL },
    { "swappiness", "swappiness", UINT64, ONE, ABSENT, NULL },
    { "disableoomkiller", "disableOOMKiller", BOOL, ONE, ABSENT, NULL },
    { "usehierarchy", "useHierarchy", BOOL, ONE, ABSENT, NULL },
    { "checkbeforeupdate", "checkBeforeUpdate", BOOL, ONE, ABSENT, NULL },
};
static const struct lk_config_record memory = RECORD_OF(memory_fields);

static const struct lk_config_field cpu_fields[] = {
    { "shares", "shares", UINT64, ONE, ABSENT, NULL },
    { "quota", "quota", INT64, ONE, ABSENT, NULL },
    { "burst", "burst", UINT64, ONE, ABSENT, NULL },
    { "period", "period", UINT64, ONE, ABSENT, NULL },
    { "realtimeruntime", "realtimeRuntime", INT64, ONE, ABSENT, NULL },
    { "realtimeperiod", "realtimePeriod", UINT64, ONE, ABSENT, NULL },
    { "cpus", "cpus", TEXT, ONE, EMPTY, NULL },
    { "mems", "mems", TEXT, ONE, EMPTY, NULL },
    { "idle", "idle", INT64, ONE, ABSENT, NULL },
};
static const struct lk_config_record cpu = RECORD_OF(cpu_fields);

static const struct lk_config_field pids_fields[] = {
    { "limit", "limit", INT64, ONE, NEVER, NULL },
};
static const struct lk_config_record pids = RECORD_OF(pids_fields);

static const struct lk_config_field device_number_fields[] = {
    { "major", "major", INT64, ONE, NEVER, NULL },
    { "minor", "minor", INT64, ONE, NEVER, NULL },
};
static const struct lk_config_record device_number = RECORD_OF(device_number_fields);

static const struct lk_config_field weight_device_fields[] = {
    { "linuxblockiodevice", NULL, RECORD, ONE, NEVER, &device_number },
    { "weight", "weight", UINT16, ONE, ABSENT, NULL },
    { "leafweight", "leafWeight", UINT16, ONE, ABSENT, NULL },
};
static const struct lk_config_record weight_device = RECORD_OF(weight_device_fields);

static const struct lk_config_field throttle_device_fields[] = {
    { "linuxblockiodevice", NULL, RECORD, ONE, NEVER, &device_number },
    { "rate", "rate", UINT64, ONE, NEVER, NULL },
};
static const struct lk_config_record throttle_device = RECORD_OF(throttle_device_fields);

static const struct lk_config_field block_io_fields[] = {
    { "weight", "weight", UINT16, ONE, ABSENT, NULL },
    { "leafweight", "leafWeight", UINT16, ONE, ABSENT, NULL },
    { "weightdevice", "weightDevice", RECORD, LIST, EMPTY, &weight_device },
    { "throttlereadbpsdevice", "throttleReadBpsDevice", RECORD, LIST, EMPTY, &throttle_device },
    { "throttlewritebpsdevice", "throttleWriteBpsDevice", RECORD, LIST, EMPTY,
      &throttle_device },
    { "throttlereadiopsdevice", "throttleReadIOPSDevice", RECORD, LIST, EMPTY,
      &throttle_device },
    { "throttlewriteiopsdevice", "throttleWriteIOPSDevice", RECORD, LIST, EMPTY,
      &throttle_device },
};
static const struct lk_config_record block_io = RECORD_OF(block_io_fields);

static const struct lk_config_field hugepage_limit_fields[] = {
    { "pagesize", "pageSize", TEXT, ONE, NEVER, NULL },
    { "limit", "limit", UINT64, ONE, NEVER, NULL },
};
static const struct lk_config_record hugepage_limit = RECORD_OF(hugepage_limit_fields);

static const struct lk_config_field priority_fields[] = {
    { "name", "name", TEXT, ONE, NEVER, NULL },
    { "priority", "priority", UINT32, ONE, NEVER, NULL },
};
static const struct lk_config_record priority = RECORD_OF(priority_fields);

static const struct lk_config_field network_fields[] = {
    { "classid", "classID", UINT32, ONE, ABSENT, NULL },
    { "priorities", "priorities", RECORD, LIST, EMPTY, &priority },
};
static const struct lk_config_record network = RECORD_OF(network_fields);

static const struct lk_config_field rdma_fields[] = {
    { "hcahandles", "hcaHandles", UINT32, ONE, ABSENT, NULL },
    { "hcaobjects", "hcaObjects", UINT32, ONE, ABSENT, NULL },
};
static const struct lk_config_record rdma = RECORD_OF(rdma_fields);

static const struct lk_config_field resources_fields[] = {
    { "devices", "devices", RECORD, LIST, EMPTY, &device_rule },
    { "memory", "memory", RECORD, ONE, ABSENT, &memory },
    { "cpu", "cpu", RECORD, ONE, ABSENT, &cpu },
    { "pids", "pids", RECORD, ONE, ABSENT, &pids },
    { "blockio", "blockIO", RECORD, ONE, ABSENT, &block_io },
    { "hugepagelimits", "hugepageLimits", RECORD, LIST, EMPTY, &hugepage_limit },
    { "network", "network", RECORD, ONE, ABSENT, &network },
    { "rdma", "rdma", RECORD, MAP, EMPTY, &rdma },
    { "unified", "unified", TEXT, MAP, EMPTY, NULL },
};
static const struct lk_config_record resources = RECORD_OF(resources_fields);

static const struct lk_config_field interface_fields[] = {
    { "name", "name", TEXT, ONE, EMPTY, NULL },
    { "add", "add", TEXT, ONE, EMPTY, NULL },
    { "peer", "peer", TEXT, ONE, EMPTY, NULL },
    { "createInRoot", "createInRoot", BOOL, ONE, NEVER, NULL },
};
static const struct lk_config_record interface = RECORD_OF(interface_fields);

static const struct lk_config_field namespaces_fields[] = {
    { "cgroup", "cgroup", TEXT, ONE, ABSENT, NULL },
    { "ipc", "ipc", TEXT, ONE, ABSENT, NULL },
    { "mnt", "mnt", TEXT, ONE, ABSENT, NULL },
    { "net", "net", TEXT, ONE, ABSENT, NULL },
    { "pid", "pid", TEXT, ONE, ABSENT, NULL },
    { "user", "user", TEXT, ONE, ABSENT, NULL },
    { "uts", "uts", TEXT, ONE, ABSENT, NULL },
};
static const struct lk_config_record namespaces = RECORD_OF(namespaces_fields);

static const struct lk_config_field runtime_fields[] = {
    { "cgroups", "cgroups", TEXT, LIST, ABSENT, NULL },
    { "mounts", "mounts", RECORD, LIST, ABSENT, &mount },
    { "mkdir", "mkdir", TEXT, LIST, ABSENT, NULL },
    { "interfaces", "interfaces", RECORD, LIST, ABSENT, &interface },
    { "bindNS", "bindNS", RECORD, ONE, NEVER, &namespaces },
    { "namespace", "namespace", TEXT, ONE, ABSENT, NULL },
};
static const struct lk_config_record runtime = RECORD_OF(runtime_fields);

static const struct lk_config_field root_fields[] = {
    { "capabilities", "capabilities", TEXT, LIST, ABSENT, NULL },
    { "capabilities.add", "capabilities.add", TEXT, LIST, ABSENT, NULL },
    { "ambient", "ambient", TEXT, LIST, ABSENT, NULL },
    { "mounts", "mounts", RECORD, LIST, ABSENT, &mount },
    { "binds", "binds", TEXT, LIST, ABSENT, NULL },
    { "binds.add", "binds.add", TEXT, LIST, ABSENT, NULL },
    { "devices", "devices", RECORD, LIST, ABSENT, &device },
    { "tmpfs", "tmpfs", TEXT, LIST, ABSENT, NULL },
    { "command", "command", TEXT, LIST, ABSENT, NULL },
    { "env", "env", TEXT, LIST, ABSENT, NULL },
    { "cwd", "cwd", TEXT, ONE, EMPTY, NULL },
    { "net", "net", TEXT, ONE, EMPTY, NULL },
    { "pid", "pid", TEXT, ONE, EMPTY, NULL },
    { "ipc", "ipc", TEXT, ONE, EMPTY, NULL },
    { "uts", "uts", TEXT, ONE, EMPTY, NULL },
    { "userns", "userns", TEXT, ONE, EMPTY, NULL },
    { "hostname", "hostname", TEXT, ONE, EMPTY, NULL },
    { "readonly", "readonly", BOOL, ONE, ABSENT, NULL },
    { "maskedPaths", "maskedPaths", TEXT, LIST, ABSENT, NULL },
    { "readonlyPaths", "readonlyPaths", TEXT, LIST, ABSENT, NULL },
    { "uid", "uid", FREE, ONE, ABSENT, NULL },
    { "gid", "gid", FREE, ONE, ABSENT, NULL },
    { "additionalGids", "additionalGids", FREE, LIST, ABSENT, NULL },
    { "noNewPrivileges", "noNewPrivileges", BOOL, ONE, ABSENT, NULL },
    { "oomScoreAdj", "oomScoreAdj", INT64, ONE, ABSENT, NULL },
    { "rootfsPropagation", "rootfsPropagation", TEXT, ONE, ABSENT, NULL },
    { "cgroupsPath", "cgroupsPath", TEXT, ONE, ABSENT, NULL },
    { "resources", "resources", RECORD, ONE, ABSENT, &resources },
    { "sysctl", "sysctl", TEXT, MAP, ABSENT, NULL },
    { "rlimits", "rlimits", TEXT, LIST, ABSENT, NULL },
    { "uidMappings", "uidMappings", RECORD, LIST, ABSENT, &id_mapping },
    { "gidMappings", "gidMappings", RECORD, LIST, ABSENT, &id_mapping },
    { "annotations", "annotations", TEXT, MAP, ABSENT, NULL },
    { "runtime", "runtime", RECORD, ONE, ABSENT, &runtime },
};
const struct lk_config_record lk_config_root = RECORD_OF(root_fields);

_Static_assert(LK_COUNT(root_fields) < LK_CONFIG_FIELDS_MAX,
               "more fields than one record may have");
