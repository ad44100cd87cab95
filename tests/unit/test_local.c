/* coordinator/cli: what the private coordinator's directory may be, what the machine can emulate. */
#include "coordinator/cli/daemon.h"
#include "coordinator/cli/forecast.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"

#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void file_systems_of_networks_are_told_by_name(void **state)
{
    (void)state;
    assert_string_equal(lk_network_file_system(NFS_SUPER_MAGIC), "NFS");
    assert_string_equal(lk_network_file_system(FUSE_SUPER_MAGIC), "FUSE");
    assert_string_equal(lk_network_file_system(SMB2_SUPER_MAGIC), "SMB");
    assert_string_equal(lk_network_file_system(V9FS_MAGIC), "9P");
}

static void a_magic_that_was_sign_extended_is_known(void **state)
{
    (void)state;
    assert_string_equal(lk_network_file_system((uint64_t)(int64_t)(int32_t)CIFS_SUPER_MAGIC),
                        "SMB");
}

static void file_systems_of_this_machine_are_fine(void **state)
{
    (void)state;
    assert_null(lk_network_file_system(EXT4_SUPER_MAGIC));
    assert_null(lk_network_file_system(TMPFS_MAGIC));
    assert_null(lk_network_file_system(OVERLAYFS_SUPER_MAGIC));
    assert_null(lk_network_file_system(BTRFS_SUPER_MAGIC));
    assert_null(lk_network_file_system(XFS_SUPER_MAGIC));
}

static bool emulates(const char *binfmt, const char *arch)
{
    return lk_local_emulates(lk_str_of(binfmt), arch);
}

static void binfmt_entries_say_what_can_be_emulated(void **state)
{
    static const char arm64[] = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\n"
                                "flags: POCF\noffset 0\nmagic 7f454c46\n";

    (void)state;
    assert_true(emulates(arm64, "arm64"));
    assert_false(emulates(arm64, "s390x"));
    assert_false(emulates(arm64, "mips"));
    assert_true(emulates("enabled\ninterpreter /usr/libexec/qemu-binfmt/s390x-binfmt-P\n"
                         "flags: PF\n",
                         "s390x"));
}

static void an_entry_that_would_not_work_in_a_container_does_not_count(void **state)
{
    (void)state;
    assert_false(
        emulates("disabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\n", "s390x"));
    assert_false(
        emulates("enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: OC\n", "s390x"));
    assert_false(
        emulates("enabled\ninterpreter /usr/bin/qemu-aarch64_be-static\nflags: F\n", "arm64"));
    assert_false(emulates("", "s390x"));
}

static void a_process_that_has_anothers_number_is_not_taken_for_it(void **state)
{
    struct lk_daemon daemon = { .pid = getpid(), .began_at = 1 };

    (void)state;
    assert_false(lk_daemon_runs(&daemon));
    lk_daemon_end(&daemon); /* or this test would end here */
    assert_int_equal(daemon.pid, 0);
}

static void take_agent(struct lk_forecast *forecast, bool connected, const char *arch,
                       bool emulated)
{
    lk_wire_AgentUpdate agent = { .connected = connected, .platforms_count = 1 };

    strcpy(agent.platforms[0].arch, arch);
    agent.platforms[0].emulated = emulated;
    lk_forecast_take(forecast, &agent);
}

static enum lk_outlook outlook(const struct lk_forecast *forecast, const char *name)
{
    struct lk_arch arch;

    assert_true(lk_arch_parse(lk_str_of(name), &arch));
    return lk_forecast_of(forecast, &arch);
}

static void emulation_is_foreseen_only_where_nobody_is_native(void **state)
{
    struct lk_forecast forecast = { .allow_emulation = true };

    (void)state;
    take_agent(&forecast, true, "amd64", true);
    take_agent(&forecast, true, "amd64", false);
    take_agent(&forecast, true, "arm64", true);
    assert_int_equal(outlook(&forecast, "amd64"), LK_OUTLOOK_NATIVE);
    assert_int_equal(outlook(&forecast, "arm64"), LK_OUTLOOK_EMULATED);
    forecast.allow_emulation = false;
    assert_int_equal(outlook(&forecast, "arm64"), LK_OUTLOOK_FORBIDDEN);
}

static void agents_that_are_away_build_nothing(void **state)
{
    struct lk_forecast forecast = { .allow_emulation = true };

    (void)state;
    take_agent(&forecast, false, "s390x", false);
    assert_int_equal(outlook(&forecast, "s390x"), LK_OUTLOOK_NOBODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_systems_of_networks_are_told_by_name),
        cmocka_unit_test(a_magic_that_was_sign_extended_is_known),
        cmocka_unit_test(file_systems_of_this_machine_are_fine),
        cmocka_unit_test(binfmt_entries_say_what_can_be_emulated),
        cmocka_unit_test(an_entry_that_would_not_work_in_a_container_does_not_count),
        cmocka_unit_test(emulation_is_foreseen_only_where_nobody_is_native),
        cmocka_unit_test(agents_that_are_away_build_nothing),
        cmocka_unit_test(a_process_that_has_anothers_number_is_not_taken_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
