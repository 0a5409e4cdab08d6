/** Form fields: a label, a hint, an error, and the control that they describe. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

/** What a control takes over from its field: `<input {...control} />`. */
export interface ControlProps {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": boolean;
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with the value, and what to do; null or undefined if nothing is. */
  readonly error?: string | null | undefined;
  readonly children: (control: ControlProps) => ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps): JSX.Element {
  const id = useId();
  const hasError = error !== null && error !== undefined && error !== "";
  const described = [hint === undefined ? [] : [`${id}-hint`], hasError ? [`${id}-error`] : []].flat();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described.length === 0 ? undefined : described.join(" "), "aria-invalid": hasError })}
      {hint !== undefined && (
        <div class="field-hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {hasError && (
        <div class="field-error" id={`${id}-error`} role="alert">
          {error}
        </div>
      )}
    </div>
  );
}

export interface Option<Value extends string> {
  readonly value: Value;
  readonly text: string;
}

interface SelectProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly Option<Value>[];
  readonly onChange: (value: Value) => void;
  readonly hint?: ComponentChildren;
}

export function Select<Value extends string>({ label, value, options, onChange, hint }: SelectProps<Value>): JSX.Element {
  const changed = (text: string): void => {
    const chosen = options.find((option) => option.value === text);
    if (chosen !== undefined) onChange(chosen.value);
  };
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <select class="field-control" {...control} value={value} onChange={(event) => changed(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckboxProps {
  readonly children: ComponentChildren;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  /** `switch`: it takes effect at once. */
  readonly kind?: "checkbox" | "switch";
}

export function Checkbox({ children, checked, onChange, disabled = false, kind = "checkbox" }: CheckboxProps): JSX.Element {
  return (
    <label class={`field-choice field-${kind}`}>
      <input
        type="checkbox"
        role={kind === "switch" ? "switch" : undefined}
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{children}</span>
    </label>
  );
}
