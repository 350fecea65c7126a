# What the master and its workers share: options, processes stopped by pid, kept logs.

set root [file dirname [file dirname [file dirname [file normalize [info script]]]]]

array set opt {
    tls 0 io_threads {} backend {} single {} only {} jobs 0 timeout 120 list 0 verbose 0
}

proc option_value {argumentsVar name} {
    upvar $argumentsVar arguments
    if {[llength $arguments] == 0} {
        puts stderr "$name needs a value"
        exit 2
    }
    set arguments [lassign $arguments value]
    return $value
}

proc parse_options {arguments} {
    global opt
    while {[llength $arguments] > 0} {
        set arguments [lassign $arguments name]
        switch -- $name {
            --tls { set opt(tls) 1 }
            --io-threads {
                set opt(io_threads) 4
                if {[string is integer -strict [lindex $arguments 0]]} {
                    set arguments [lassign $arguments opt(io_threads)]
                }
            }
            --backend { set opt(backend) [option_value arguments $name] }
            --single { lappend opt(single) [option_value arguments $name] }
            --only { lappend opt(only) [option_value arguments $name] }
            --jobs { set opt(jobs) [option_value arguments $name] }
            --timeout { set opt(timeout) [option_value arguments $name] }
            --list { set opt(list) 1 }
            --verbose { set opt(verbose) 1 }
            default {
                puts stderr "unknown option '$name' (try --help)"
                exit 2
            }
        }
    }
    foreach name {jobs timeout} {
        if {![string is integer -strict $opt($name)]} {
            puts stderr "--$name is a number"
            exit 2
        }
    }
    if {$opt(jobs) <= 0} {
        set opt(jobs) [expr {2 * [core_count]}]
    }
    if {$opt(backend) ni {{} uring epoll}} {
        puts stderr "--backend is uring or epoll"
        exit 2
    }
}

proc worker_arguments {} {
    global opt
    set arguments {}
    if {$opt(tls)} { lappend arguments --tls }
    if {$opt(io_threads) ne ""} { lappend arguments --io-threads $opt(io_threads) }
    if {$opt(backend) ne ""} { lappend arguments --backend $opt(backend) }
    foreach pattern $opt(only) { lappend arguments --only $pattern }
    lappend arguments --timeout $opt(timeout)
    return $arguments
}

proc core_count {} {
    set f [open /proc/cpuinfo]
    set count [regexp -all -line {^processor\s} [read $f]]
    close $f
    return [expr {max(1, $count)}]
}

# -- programs under test --

proc program_path {variable name} {
    global root env
    if {[info exists env($variable)] && $env($variable) ne ""} {
        return [file normalize $env($variable)]
    }
    return [file join $root src $name]
}

proc server_program {} { return [program_path SLUICE_SERVER redis-server] }
proc cli_program {} { return [program_path SLUICE_CLI redis-cli] }
proc benchmark_program {} { return [program_path SLUICE_BENCHMARK redis-benchmark] }

# Whether the server that is tested was built with TLS (BUILD_TLS=no links no OpenSSL).
proc server_has_tls {} {
    global has_tls
    if {![info exists has_tls]} {
        set has_tls [expr {[catch {exec ldd [server_program]} text] || [string match *libssl* $text]}]
    }
    return $has_tls
}

proc check_programs {} {
    if {![file executable [server_program]]} {
        puts stderr "[server_program] is not there: run make, or set SLUICE_SERVER"
        exit 2
    }
}

# -- processes --

proc process_alive {pid} {
    if {[catch {open /proc/$pid/stat} f]} { return 0 }
    if {[catch {read $f} stat]} { set stat "" }
    close $f
    # The name in parentheses may hold anything; the state follows the last one.
    set state [string index $stat [expr {[string last ) $stat] + 2}]]
    return [expr {$state ni {Z X {}}}]
}

proc kill_process {pid {signal TERM}} {
    catch {exec kill -$signal $pid 2>/dev/null}
}

# Stops what a worker listed in DIR/pids and that still runs from DIR.
proc kill_listed {dir} {
    set file [file join $dir pids]
    if {![file exists $file]} { return }
    set f [open $file]
    set pids [read $f]
    close $f
    foreach pid $pids {
        if {[process_alive $pid] && [process_belongs $pid $dir]} {
            kill_process $pid CONT
            kill_process $pid KILL
        }
    }
}

proc process_belongs {pid dir} {
    set cwd ""
    catch {set cwd [file readlink /proc/$pid/cwd]}
    if {[string match $dir* $cwd]} { return 1 }
    set line ""
    catch {set f [open /proc/$pid/cmdline]; set line [read $f]; close $f}
    return [expr {[string first $dir $line] >= 0}]
}

# -- logs of failing servers --

proc kept_log_name {file server} {
    global root
    set dir [file join $root tests tmp failed]
    file mkdir $dir
    return [file join $dir [string map {/ - .tcl {}} $file].$server.log]
}

proc write_file {path text} {
    set f [open $path w]
    fconfigure $f -translation binary
    puts -nonewline $f $text
    close $f
}

proc read_file {path} {
    set f [open $path]
    fconfigure $f -translation binary
    set text [read $f]
    close $f
    return $text
}

source [file join $root tests support certificates.tcl]
