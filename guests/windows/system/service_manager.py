"""The services of the running system: which run, and what starting and stopping one comes to."""

from __future__ import annotations

from ..disk.service_settings import TERM_SERVICE, ServiceSettings
from ..disk.windows_disk import WindowsDisk
from .task_list import TaskList

_NOT_IN_SAFE_MODE = 1084


class ServiceError(Exception):
    """A service cannot be started or stopped; ``number`` is the system error."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class ServiceManager:
    """The services of one start of the system.

    Args:
        disk: the machine's disk.
        tasks: the processes.
        safeboot: "" or what kind of safe mode the system was started in.
    """

    def __init__(self, disk: WindowsDisk, tasks: TaskList, safeboot: str) -> None:
        self._disk = disk
        self._tasks = tasks
        self._safeboot = safeboot
        #: The running services and their processes, by the services' names in lower case.
        self._running: dict[str, int] = {}

    def start_all(self) -> list[str]:
        """Start what starts with the system; returns what is to be said of those that cannot be started."""
        failures: list[str] = []
        for settings in self._disk.services.values():
            demanded = settings.name == TERM_SERVICE and settings.start == "demand"  # winlogon asks for it
            wanted = settings.start in ("auto", "delayed-auto", "system", "boot") or demanded
            if not wanted or self.is_running(settings.name):
                continue
            try:
                self.start(settings.name)
            except ServiceError as error:
                if error.number != _NOT_IN_SAFE_MODE:
                    failures.append(f"The {settings.display_name} service failed to start: {error}")
        return failures

    def settings_of(self, name: str) -> ServiceSettings:
        """A service's settings, by its name or its display name.

        Raises:
            ServiceError: there is no such service.
        """
        wanted = name.lower()
        for settings in self._disk.services.values():
            if wanted in (settings.name.lower(), settings.display_name.lower()):
                return settings
        raise ServiceError(1060, "The specified service does not exist as an installed service.")

    def is_running(self, name: str) -> bool:
        """Whether a service runs; its process may have been killed."""
        pid = self.pid_of(name)
        return pid != 0

    def pid_of(self, name: str) -> int:
        """The number of a service's process, or 0."""
        pid = self._running.get(name.lower(), 0)
        return pid if any(process.pid == pid for process in self._tasks) else 0

    def start(self, name: str) -> None:
        """Start a service with those that it depends on.

        Raises:
            ServiceError: it cannot be started.
        """
        settings = self.settings_of(name)
        if self.is_running(settings.name):
            raise ServiceError(1056, "An instance of the service is already running.")
        if settings.start == "disabled":
            raise ServiceError(
                1058,
                "The service cannot be started, either because it is disabled or because it has no\n"
                "enabled devices associated with it.",
            )
        if self._safeboot == "Minimal" and not settings.safe:
            raise ServiceError(_NOT_IN_SAFE_MODE, "This service cannot be started in Safe Mode.")
        if settings.name == TERM_SERVICE and self._disk.volume.damaged:
            raise ServiceError(1392, "The file or directory is corrupted and unreadable.")
        self._start_what_it_needs(settings)
        image = settings.binary.rpartition("\\")[2].split()[0]
        self._running[settings.name.lower()] = self._tasks.start(image).pid

    def stop(self, name: str) -> None:
        """Stop a service.

        Raises:
            ServiceError: it cannot be stopped.
        """
        settings = self.settings_of(name)
        if not self.is_running(settings.name):
            raise ServiceError(1062, "The service has not been started.")
        if not settings.stoppable:
            raise ServiceError(1052, "The requested control is not valid for this service.")
        users = [
            other
            for other in self._disk.services.values()
            if settings.name.lower() in map(str.lower, other.depends) and self.is_running(other.name)
        ]
        if users:
            raise ServiceError(
                1051, "A stop control has been sent to a service that other running services are dependent on."
            )
        self._tasks.end(self._running.pop(settings.name.lower()))

    def _start_what_it_needs(self, settings: ServiceSettings, depth: int = 0) -> None:
        for needed in settings.depends:
            if self.is_running(needed):
                continue
            try:
                if depth > len(self._disk.services):
                    raise ServiceError(1059, "Circular service dependency was specified.")
                self._start_one(self.settings_of(needed), depth)
            except ServiceError as error:
                if error.number == 1060:
                    raise ServiceError(
                        1075, "The dependency service does not exist or has been marked for deletion."
                    ) from None
                raise ServiceError(1068, "The dependency service or group failed to start.") from None

    def _start_one(self, settings: ServiceSettings, depth: int) -> None:
        self._start_what_it_needs(settings, depth + 1)
        if not self.is_running(settings.name):
            self.start(settings.name)
