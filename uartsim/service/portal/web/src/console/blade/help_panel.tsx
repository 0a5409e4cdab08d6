/** The documents' advice: why SSH, questions and answers, known issues, keys, feedback. */
import type { ComponentChildren, JSX } from "preact";
import { Panel } from "../../ui/panel";
import { NOT_LOGGED_OUT, OUTPUT_IS_LOGGED } from "./cautions";
import { ISSUES, LINUX_SCENARIOS, PREVIEW_ANSWERS, PREVIEW_ISSUES, QUESTIONS, WINDOWS_ISSUES, type Answer } from "./help_texts";
import { ShortcutList } from "./keyboard_dialog";
import "./help_panel.css";

interface HelpPanelProps {
  readonly isWindows: boolean;
  readonly isPreview: boolean;
  readonly onClose: () => void;
}

export function HelpPanel({ isWindows, isPreview, onClose }: HelpPanelProps): JSX.Element {
  return (
    <Panel title="Help" onClose={onClose}>
      <Section title="Use SSH for daily work">
        <p>
          The serial console is for times when SSH cannot reach the machine: a broken fstab, firewall or SSH configuration, a damaged file system, the boot loader.
          For everything else SSH is better: the line carries only text and about 11 KB a second, and it knows no keys, only user names and passwords.
        </p>
      </Section>
      {isWindows ? <WindowsSection /> : <LinuxSection />}
      <Section title="Cautions">
        <p>{OUTPUT_IS_LOGGED}</p>
        <p>{NOT_LOGGED_OUT}</p>
      </Section>
      <Section title="Keyboard shortcuts">
        <ShortcutList />
      </Section>
      <Section title="Known issues">
        <Answers answers={[...ISSUES, ...(isWindows ? WINDOWS_ISSUES : []), ...(isPreview ? PREVIEW_ISSUES : [])]} />
      </Section>
      <Section title="Questions">
        <Answers answers={[...QUESTIONS, ...(isPreview ? PREVIEW_ANSWERS : [])]} />
      </Section>
      <Section title="Feedback">
        <p>
          Of the real service: create an issue at <code>aka.ms/serialconsolefeedback</code>, or write to <code>azserialhelp@microsoft.com</code>. Of this page: where you
          got uartsim from.
        </p>
      </Section>
    </Panel>
  );
}

function LinuxSection(): JSX.Element {
  return (
    <Section title="Repairing Linux">
      <Answers answers={LINUX_SCENARIOS} />
    </Section>
  );
}

function WindowsSection(): JSX.Element {
  return (
    <Section title="Special Administration Console (SAC)">
      <p>
        At <code>SAC&gt;</code>, <kbd>cmd</kbd> starts a command prompt in a channel of its own, <kbd>ch -si 1</kbd> shows it, and any key goes on to the sign-in.{" "}
        <kbd>Esc</kbd> <kbd>Tab</kbd> goes to the next channel, <kbd>ch</kbd> lists them, <kbd>?</kbd> lists the commands.
      </p>
      <p>
        Where no <code>SAC&gt;</code> comes, SAC is off. Connect by Remote Desktop, run <code>{"bcdedit /ems {current} on"}</code> and{" "}
        <code>bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200</code> as an administrator, and reboot.
      </p>
    </Section>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <section class="help-section">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Answers({ answers }: { readonly answers: readonly Answer[] }): JSX.Element {
  return (
    <>
      {answers.map(({ question, answer }) => (
        <details key={question} class="help-answer">
          <summary>{question}</summary>
          <p>{answer}</p>
        </details>
      ))}
    </>
  );
}
