/** Views whose script is loaded apart: the console with its terminal, which is most of the page. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Spinner } from "../ui/progress";
import { View } from "../ui/view";

/**
 * A component that is loaded when it is first drawn.
 *
 * @param load imports it; asked again after it has failed.
 * @param title the heading while it is on its way.
 */
export function lazyView<Props extends object>(load: () => Promise<ComponentType<Props>>, title: string): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function LazyView(props: Props): JSX.Element {
    const [view, setView] = useState<{ readonly Shown: ComponentType<Props> } | null>(loaded === null ? null : { Shown: loaded });
    const [fault, setFault] = useState<unknown>(null);
    useEffect(() => {
      if (view !== null) return;
      load().then((Shown) => {
        loaded = Shown;
        setView({ Shown });
      }, setFault);
    }, []);
    if (fault !== null) throw fault;
    if (view !== null) return <view.Shown {...props} />;
    return (
      <View title={title} takesFocus={false}>
        <Spinner>Loading</Spinner>
      </View>
    );
  };
}
