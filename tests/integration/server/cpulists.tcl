# server-cpulist, io-cpulist and bio-cpulist: where each thread may run, as the kernel says it.

# {thread name -> Cpus_allowed_list} of the server.
proc allowed_cpus {} {
    set result {}
    foreach task [glob -directory /proc/[srv pid]/task *] {
        if {[catch {
            set name [string trim [read_file $task/comm]]
            regexp -line {^Cpus_allowed_list:\s*(\S+)} [read_file $task/status] -> list
        }]} { continue }
        dict set result $name $list
    }
    return $result
}

proc first_two_cpus {} {
    regexp -line {^Cpus_allowed_list:\s*(\S+)} [read_file /proc/self/status] -> list
    set cpus {}
    foreach part [split $list ,] {
        lassign [split $part -] first last
        if {$last eq ""} { set last $first }
        for {set i $first} {$i <= $last} {incr i} { lappend cpus $i }
    }
    return [lrange $cpus 0 1]
}

lassign [first_two_cpus] one two
if {$two eq ""} { set two $one }

start_server [list overrides [list server-cpulist $one io-cpulist $two bio-cpulist $two io-threads 2]] {
    test "Threads run where their lists say" {
        set allowed [allowed_cpus]
        assert_equal $two [dict get $allowed io-1]
        assert_equal $two [dict get $allowed io-2]
        # A worker moves with its next job.
        for {set i 0} {$i < 2000} {incr i} { lappend members member:$i }
        r sadd key {*}$members
        r unlink key
        wait_until $two 10 {dict get [allowed_cpus] bg-free}
        regexp -line {^Cpus_allowed_list:\s*(\S+)} [read_file /proc/[srv pid]/status] -> main
        assert_equal $one $main
    }

    test "Threads that come later too" {
        r config set io-threads 3
        wait_until $two 10 {expr {[dict exists [allowed_cpus] io-3] ? [dict get [allowed_cpus] io-3] : ""}}
    }
}

test "A list that makes no sense ends the start with its reason" {
    catch {exec timeout 60 [server_program] --port 0 --unixsocket [file join $::work_dir c.sock] --server-cpulist 1-x} said
    assert_match "*server-cpulist*" $said
}
